-- Who is the same person by several names, spaces that change and end, groups.

-- +goose Up

-- A space keeps its log and its name after it was deleted. Its version grows with each change of it or of its owners, so
-- that two who take each other's ownership away at once cannot both be right.
ALTER TABLE spaces ADD COLUMN version integer NOT NULL DEFAULT 1;
ALTER TABLE spaces ADD COLUMN delete_time integer NOT NULL DEFAULT 0;

-- I5: an identity is one member's at most.
CREATE TABLE identities (
    space       text    NOT NULL,
    identity    text    NOT NULL,
    member      text    NOT NULL,
    created_by  text    NOT NULL,
    create_time integer NOT NULL,
    PRIMARY KEY (space, identity)
) STRICT, WITHOUT ROWID;

CREATE INDEX identities_by_member ON identities (space, member, identity);

-- Names in lower case that stand in one record, and so mean the same: an entry of the directory (owner 'r' and its name)
-- with several of id, address and altIds; a member (owner 'm' and its id) with its identities.
CREATE TABLE aliases (
    space text NOT NULL,
    owner text NOT NULL,
    alias text NOT NULL,
    PRIMARY KEY (space, owner, alias)
) STRICT, WITHOUT ROWID;

CREATE INDEX aliases_by_alias ON aliases (space, alias);

-- +engine sqlite
INSERT INTO aliases (space, owner, alias)
    SELECT DISTINCT space, 'r' || name, lower(alias) FROM (
        SELECT space, name, id AS alias FROM resources
        UNION SELECT space, name, doc ->> '$.email' FROM resources
        UNION SELECT r.space, r.name, alt.value FROM resources r, json_each(r.doc, '$.altIds') alt)
    WHERE alias <> '';
-- +engine postgres
INSERT INTO aliases (space, owner, alias)
    SELECT DISTINCT space, 'r' || name, lower(alias) FROM (
        SELECT space, name, id AS alias FROM resources
        UNION SELECT space, name, doc::jsonb ->> 'email' FROM resources
        UNION SELECT r.space, r.name, alt.value FROM resources r
            CROSS JOIN LATERAL jsonb_array_elements_text(coalesce(r.doc::jsonb -> 'altIds', '[]'::jsonb)) alt) names
    WHERE alias <> '';
-- +engine both

-- Members of groups, which are entries of the directory: a person or a service account by its id, a group by its name.
-- source says who put them in: '' for people, else the sign-in provider that said so.
CREATE TABLE group_members (
    space       text    NOT NULL,
    grp         text    NOT NULL,
    kind        text    NOT NULL,
    member      text    NOT NULL,
    source      text    NOT NULL,
    create_time integer NOT NULL,
    PRIMARY KEY (space, grp, kind, member, source)
) STRICT, WITHOUT ROWID;

CREATE INDEX group_members_by_member ON group_members (space, kind, member);
