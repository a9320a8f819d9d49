-- When credentials were last used, keys that sign in turn, and whom service accounts trust.

-- +goose Up

-- Bookkeeping, at most once a minute for each token.
ALTER TABLE tokens ADD COLUMN last_use_time integer NOT NULL DEFAULT 0;

-- A key is published before it signs. Those that are there sign already.
ALTER TABLE signing_keys ADD COLUMN sign_time integer NOT NULL DEFAULT 0;

-- An issuer elsewhere whose tokens stand for a service account: claims is an object of texts that must be in them.
CREATE TABLE trusts (
    space       text    NOT NULL,
    name        text    NOT NULL,
    account     text    NOT NULL,
    issuer      text    NOT NULL,
    audience    text    NOT NULL,
    claims      text    NOT NULL,
    scopes      text    NOT NULL,
    created_by  text    NOT NULL,
    create_time integer NOT NULL,
    PRIMARY KEY (space, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX trusts_by_account ON trusts (space, account, name);
