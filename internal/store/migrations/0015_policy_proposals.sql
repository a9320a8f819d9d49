-- Other texts of a rule document that petitions ask for.

-- +goose Up

-- document is to follow the version base. It is kept whatever becomes of the petition: it says what was asked for.
CREATE TABLE policy_proposals (
    space       text    NOT NULL,
    petition    text    NOT NULL,
    base        integer NOT NULL,
    document    text    NOT NULL,
    create_time integer NOT NULL,
    PRIMARY KEY (space, petition)
) STRICT, WITHOUT ROWID;
