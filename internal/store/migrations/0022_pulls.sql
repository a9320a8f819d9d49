-- What webhooks list for the directory.

-- +goose Up

-- doc is the whole policy.
CREATE TABLE pull_policies (
    space   text    NOT NULL,
    name    text    NOT NULL,
    version integer NOT NULL,
    doc     text    NOT NULL,
    PRIMARY KEY (space, name)
) STRICT, WITHOUT ROWID;

-- How the pulls of each policy stand. run is the pull that goes on, '' for none; failures how many have failed since one worked.
CREATE TABLE pulls (
    space    text    NOT NULL,
    policy   text    NOT NULL,
    version  integer NOT NULL,
    run      text    NOT NULL,
    failures integer NOT NULL,
    doc      text    NOT NULL,
    PRIMARY KEY (space, policy)
) STRICT, WITHOUT ROWID;

-- Which policy brought an entry of the directory that nobody has changed since. thing is the digest of its kind and id.
CREATE TABLE pulled (
    space  text    NOT NULL,
    name   text    NOT NULL,
    policy text    NOT NULL,
    kind   text    NOT NULL,
    thing  text    NOT NULL,
    gone   integer NOT NULL,
    PRIMARY KEY (space, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX pulled_by_policy ON pulled (space, policy, name);
CREATE UNIQUE INDEX pulled_by_thing ON pulled (space, policy, thing);
