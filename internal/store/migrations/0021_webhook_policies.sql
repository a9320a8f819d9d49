-- Which calls a webhook gets, and for which resources.

-- +goose Up

-- doc is the whole policy.
CREATE TABLE webhook_policies (
    space   text    NOT NULL,
    name    text    NOT NULL,
    version integer NOT NULL,
    doc     text    NOT NULL,
    PRIMARY KEY (space, name)
) STRICT, WITHOUT ROWID;
