-- The log as a Merkle tree that anybody can check (docs/decisions/0039).

-- +goose Up

-- How far the tree of a space's log has come: its last event, and the checkpoint that was signed then. Who takes on the log says in
-- version that nobody else has done so meanwhile.
CREATE TABLE log_trees (
    space       text    NOT NULL PRIMARY KEY,
    size        integer NOT NULL,
    tx          integer NOT NULL,
    seq         integer NOT NULL,
    checkpoint  text    NOT NULL,
    version     integer NOT NULL
) STRICT, WITHOUT ROWID;

-- The entries that were logged at once, from place on: their events' ids, a blank between two, and their seeds, base64 in one piece.
CREATE TABLE log_entries (
    space   text    NOT NULL,
    place   integer NOT NULL,
    entries integer NOT NULL,
    ids     text    NOT NULL,
    seeds   text    NOT NULL,
    PRIMARY KEY (space, place)
) STRICT, WITHOUT ROWID;

-- hashes is base64 of up to 256 hashes; the last tile of a level is replaced while it grows.
CREATE TABLE log_tiles (
    space  text    NOT NULL,
    level  integer NOT NULL,
    n      integer NOT NULL,
    hashes text    NOT NULL,
    PRIMARY KEY (space, level, n)
) STRICT, WITHOUT ROWID;

-- The keys of a log, in the text forms of signed notes. private is sealed where the server has a key to seal with. A key signs until its
-- end_time, 0 for no end, so that two sign while one follows another.
CREATE TABLE log_keys (
    space       text    NOT NULL,
    public      text    NOT NULL,
    private     text    NOT NULL,
    create_time integer NOT NULL,
    end_time    integer NOT NULL,
    PRIMARY KEY (space, public)
) STRICT, WITHOUT ROWID;
