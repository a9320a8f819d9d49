-- The whole schema. One text for both engines; migrations.go says what is replaced for PostgreSQL.
-- Times are UTC microseconds (0: none), documents are JSON text, texts are compared bytewise.

-- +goose Up

CREATE TABLE spaces (
    name         text    NOT NULL PRIMARY KEY,
    display_name text    NOT NULL,
    create_time  integer NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    space        text    NOT NULL,
    id           text    NOT NULL,
    kind         text    NOT NULL,
    email        text    NOT NULL,
    display_name text    NOT NULL,
    role         text    NOT NULL,
    person       text    NOT NULL,
    suspended    integer NOT NULL,
    created_by   text    NOT NULL,
    create_time  integer NOT NULL,
    PRIMARY KEY (space, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_id ON members (id);

-- seq is the order of lists: the order of insertion, which no clock can turn round. words are what the petition is found
-- by, each behind a blank: its space, the words of what it asks, who asks, its labels. They stand before the document so
-- that a walk over rows need not read it.
CREATE TABLE petitions (
    seq         integer PRIMARY KEY,
    space       text    NOT NULL,
    name        text    NOT NULL,
    version     integer NOT NULL,
    phase       text    NOT NULL,
    create_time integer NOT NULL,
    words       text    NOT NULL,
    doc         text    NOT NULL
) STRICT;

CREATE UNIQUE INDEX petitions_by_name ON petitions (space, name);
-- Lists by phase are ordered by (seq + 0), an order that no other index has: a planner that misjudges how many petitions
-- are open cannot choose to walk the primary key past a million that are not.
CREATE INDEX petitions_by_phase ON petitions (space, phase, (seq + 0));

-- I5: a person counts once for a petition.
CREATE TABLE votes (
    space    text NOT NULL,
    petition text NOT NULL,
    person   text NOT NULL,
    PRIMARY KEY (space, petition, person)
) STRICT, WITHOUT ROWID;

-- I16: a client's key made one petition.
CREATE TABLE idempotency (
    space    text    NOT NULL,
    actor    text    NOT NULL,
    key      text    NOT NULL,
    hash     text    NOT NULL,
    petition text    NOT NULL,
    time     integer NOT NULL,
    PRIMARY KEY (space, actor, key)
) STRICT, WITHOUT ROWID;

-- views has one bit for each view that the resource is in; words as those of petitions.
CREATE TABLE resources (
    seq   integer PRIMARY KEY,
    space text    NOT NULL,
    name  text    NOT NULL,
    id    text    NOT NULL,
    views integer NOT NULL,
    words text    NOT NULL,
    doc   text    NOT NULL
) STRICT;

CREATE UNIQUE INDEX resources_by_name ON resources (space, name);
CREATE INDEX resources_by_id ON resources (space, id);

-- The audit log. Its order is (tx, seq), see approval.Cursor: tx is 0 on SQLite and the transaction's id on PostgreSQL.
CREATE TABLE events (
    seq      integer PRIMARY KEY,
    tx       integer NOT NULL,
    space    text    NOT NULL,
    id       text    NOT NULL,
    event    text    NOT NULL,
    petition text    NOT NULL,
    actor    text    NOT NULL,
    time     integer NOT NULL,
    doc      text    NOT NULL
) STRICT;

CREATE INDEX events_by_log ON events (space, tx, seq, time);
CREATE INDEX events_by_petition ON events (space, petition, tx, seq);
CREATE INDEX events_by_actor ON events (space, actor, tx, seq);

CREATE TABLE policies (
    space       text    NOT NULL,
    version     integer NOT NULL,
    document    text    NOT NULL,
    created_by  text    NOT NULL,
    create_time integer NOT NULL,
    PRIMARY KEY (space, version)
) STRICT, WITHOUT ROWID;

-- hash is empty for a token that is known by its name alone.
CREATE TABLE tokens (
    space        text    NOT NULL,
    name         text    NOT NULL,
    kind         text    NOT NULL,
    hash         text    NOT NULL,
    member       text    NOT NULL,
    display_name text    NOT NULL,
    scopes       text    NOT NULL,
    created_by   text    NOT NULL,
    create_time  integer NOT NULL,
    expire_time  integer NOT NULL,
    revoke_time  integer NOT NULL,
    PRIMARY KEY (space, name)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX tokens_by_hash ON tokens (kind, hash) WHERE hash <> '';
CREATE INDEX tokens_by_member ON tokens (space, member, create_time);

CREATE TABLE signing_keys (
    id          text    NOT NULL PRIMARY KEY,
    private_pem text    NOT NULL,
    create_time integer NOT NULL
) STRICT, WITHOUT ROWID;

-- due is when the job can be taken next: its run_time, or the end of the lease that somebody has on it.
CREATE TABLE jobs (
    key         text    NOT NULL PRIMARY KEY,
    kind        text    NOT NULL,
    space       text    NOT NULL,
    petition    text    NOT NULL,
    run_time    integer NOT NULL,
    lease_until integer NOT NULL,
    due         integer NOT NULL,
    attempts    integer NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_by_due ON jobs (due);

-- One row that Ping writes, to know that writing works.
CREATE TABLE readiness (
    id    integer NOT NULL PRIMARY KEY,
    pings integer NOT NULL
) STRICT;

-- The index of words. They are cut by this program, so that no engine's own idea of a word counts; a row's number is
-- its seq.

-- +engine sqlite
-- The smallest index that finds rows by words: it does not keep the words, which stand in the row.
CREATE VIRTUAL TABLE petition_search USING fts5(
    words, content='', columnsize=0, detail=none, tokenize="ascii tokenchars '-'"
);
CREATE VIRTUAL TABLE resource_search USING fts5(
    words, content='', columnsize=0, detail=none, tokenize="ascii tokenchars '-'"
);
-- +engine postgres
CREATE TABLE petition_search (rowid bigint PRIMARY KEY, words tsvector NOT NULL);
CREATE INDEX petition_search_by_words ON petition_search USING gin (words) WITH (gin_pending_list_limit = 64);
CREATE TABLE resource_search (rowid bigint PRIMARY KEY, words tsvector NOT NULL);
CREATE INDEX resource_search_by_words ON resource_search USING gin (words) WITH (gin_pending_list_limit = 64);
-- +engine both

-- +engine postgres
-- Documents of a usual size stay in their rows as they are, without work to compress them.
ALTER TABLE petitions SET (toast_tuple_target = 8160);
ALTER TABLE events SET (toast_tuple_target = 8160);
-- +engine both

-- An event is never changed and never removed (I10, I11): whoever tries, the engine itself refuses.

-- +engine sqlite
-- +goose StatementBegin
CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only: an event is never changed');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER events_never_vanish BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only: an event is never removed');
END;
-- +goose StatementEnd
-- +engine postgres
-- +goose StatementBegin
CREATE FUNCTION events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only: % of an event is refused', TG_OP;
END;
$$;
-- +goose StatementEnd
CREATE TRIGGER events_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_append_only();
-- +engine both
