-- What every petition writes once less: fewer rows and fewer pages in each commit.

-- +goose Up

-- When the petition must be looked at next, 0 for never, and the kind of job that does so. When the time has come the
-- timer becomes a row of jobs, which has the lease. Jobs of petitions that stand there already are done as they stand.
ALTER TABLE petitions ADD COLUMN timer_time integer NOT NULL DEFAULT 0;
ALTER TABLE petitions ADD COLUMN timer_kind text NOT NULL DEFAULT '';
CREATE INDEX petitions_by_timer ON petitions (timer_time) WHERE timer_time > 0;

-- +engine sqlite
-- The index of words takes new petitions in by the hundred. It has those up to this seq; the few behind it are looked
-- at one by one.
CREATE TABLE petition_search_end (
    id  integer NOT NULL PRIMARY KEY CHECK (id = 1),
    seq integer NOT NULL
) STRICT;
INSERT INTO petition_search_end (id, seq) SELECT 1, coalesce(max(seq), 0) FROM petitions;
-- +engine both
