-- Who has what, from when until when: a lease for each person and resource of a granted petition.

-- +goose Up

-- person, kind and resource are in lower case. end_time is 2^63-1 where a lease lasts until it is revoked. place tells the
-- pairs of a petition apart. Each key is in the order of ends, so that a list begins behind what has ended.
CREATE TABLE leases (
    space      text    NOT NULL,
    person     text    NOT NULL,
    end_time   integer NOT NULL,
    petition   text    NOT NULL,
    place      integer NOT NULL,
    kind       text    NOT NULL,
    resource   text    NOT NULL,
    start_time integer NOT NULL,
    PRIMARY KEY (space, person, end_time, petition, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX leases_by_resource ON leases (space, resource, end_time, petition, place);
CREATE INDEX leases_by_end ON leases (space, end_time, petition, place);

-- Petitions that were granted before.
-- +engine sqlite
INSERT INTO leases (space, person, end_time, petition, place, kind, resource, start_time)
    SELECT space, person, CASE WHEN ends IS NULL THEN 9223372036854775807
            ELSE CAST(strftime('%s', substr(ends, 1, 19)) AS integer) * 1000000 + CASE instr(ends, '.') WHEN 0 THEN 0
                ELSE CAST(substr(rtrim(substr(ends, instr(ends, '.') + 1), 'Z') || '000000', 1, 6) AS integer) END END,
        petition, min(place), kind, resource,
        CAST(strftime('%s', substr(begins, 1, 19)) AS integer) * 1000000 + CASE instr(begins, '.') WHEN 0 THEN 0
            ELSE CAST(substr(rtrim(substr(begins, instr(begins, '.') + 1), 'Z') || '000000', 1, 6) AS integer) END
    FROM (SELECT q.space, q.name AS petition, q.doc ->> '$.grant.startTime' AS begins, q.doc ->> '$.grant.endTime' AS ends,
            lower(coalesce(p.value ->> '$.email', p.value ->> '$.id', p.value ->> '$.displayName', '')) AS person,
            lower(coalesce(r.value ->> '$.kind', '')) AS kind,
            lower(coalesce(r.value ->> '$.id', r.value ->> '$.email', r.value ->> '$.displayName', '')) AS resource,
            p.key * json_array_length(q.doc, '$.resources') + r.key AS place
        FROM petitions q, json_each(q.doc, '$.petitioners') p, json_each(q.doc, '$.resources') r
        WHERE q.doc ->> '$.grant.startTime' IS NOT NULL)
    WHERE kind <> 'indent/policy'
    GROUP BY space, petition, begins, ends, person, kind, resource;
-- +engine postgres
INSERT INTO leases (space, person, end_time, petition, place, kind, resource, start_time)
    SELECT space, person, coalesce((extract(epoch FROM ends::timestamptz) * 1000000)::bigint, 9223372036854775807),
        petition, min(place), kind, resource, (extract(epoch FROM begins::timestamptz) * 1000000)::bigint
    FROM (SELECT q.space, q.name AS petition, q.doc -> 'grant' ->> 'startTime' AS begins, q.doc -> 'grant' ->> 'endTime' AS ends,
            lower(coalesce(p.value ->> 'email', p.value ->> 'id', p.value ->> 'displayName', '')) AS person,
            lower(coalesce(r.value ->> 'kind', '')) AS kind,
            lower(coalesce(r.value ->> 'id', r.value ->> 'email', r.value ->> 'displayName', '')) AS resource,
            (p.n - 1) * jsonb_array_length(q.doc -> 'resources') + r.n - 1 AS place
        FROM (SELECT space, name, doc::jsonb AS doc FROM petitions WHERE position('"grant":{"startTime"' IN doc) > 0) q
            CROSS JOIN LATERAL jsonb_array_elements(q.doc -> 'petitioners') WITH ORDINALITY p (value, n)
            CROSS JOIN LATERAL jsonb_array_elements(q.doc -> 'resources') WITH ORDINALITY r (value, n)
        WHERE q.doc -> 'grant' ->> 'startTime' IS NOT NULL) pairs
    WHERE kind <> 'indent/policy'
    GROUP BY space, petition, begins, ends, person, kind, resource;
-- +engine both
