-- Endpoints of the customer.

-- +goose Up

-- doc is the whole webhook; the secrets in it are sealed with a key that is not in the database.
CREATE TABLE webhooks (
    space   text    NOT NULL,
    name    text    NOT NULL,
    version integer NOT NULL,
    doc     text    NOT NULL,
    PRIMARY KEY (space, name)
) STRICT, WITHOUT ROWID;
