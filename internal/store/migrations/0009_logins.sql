-- Programs that wait to be let in by a person, and the secrets with which they then renew their access.

-- +goose Up

-- space is '' until somebody has answered. A login is forgotten an hour after it has ended.
CREATE TABLE logins (
    hash        text    NOT NULL PRIMARY KEY,
    user_hash   text    NOT NULL,
    client      text    NOT NULL,
    host        text    NOT NULL,
    source      text    NOT NULL,
    asked_space text    NOT NULL,
    scopes      text    NOT NULL,
    challenge   text    NOT NULL,
    redirect    text    NOT NULL,
    state       text    NOT NULL,
    space       text    NOT NULL,
    member      text    NOT NULL,
    create_time integer NOT NULL,
    expire_time integer NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX logins_by_user_hash ON logins (user_hash) WHERE user_hash <> '';
CREATE INDEX logins_by_source ON logins (source, expire_time) WHERE state = 'open';
CREATE INDEX logins_by_end ON logins (expire_time);

-- family is the name of a token of kind login.
CREATE TABLE refresh_tokens (
    hash        text    NOT NULL PRIMARY KEY,
    space       text    NOT NULL,
    family      text    NOT NULL,
    create_time integer NOT NULL,
    expire_time integer NOT NULL,
    use_time    integer NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_by_family ON refresh_tokens (space, family, expire_time);
