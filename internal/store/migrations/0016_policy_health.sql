-- What was found stuck in a space's policy as things stand.

-- +goose Up

-- document is JSON: the version that was looked at, and each finding with the time since which it holds.
CREATE TABLE policy_health (
    space    text    NOT NULL PRIMARY KEY,
    version  integer NOT NULL,
    document text    NOT NULL
) STRICT, WITHOUT ROWID;
