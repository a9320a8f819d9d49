-- A person counts once in each stage of a petition.

-- +goose Up

-- I5. Petitions that are there have one stage.
-- +engine sqlite
CREATE TABLE votes_by_stage (
    space    text    NOT NULL,
    petition text    NOT NULL,
    person   text    NOT NULL,
    stage    integer NOT NULL DEFAULT 0,
    PRIMARY KEY (space, petition, person, stage)
) STRICT, WITHOUT ROWID;
INSERT INTO votes_by_stage (space, petition, person) SELECT space, petition, person FROM votes;
DROP TABLE votes;
ALTER TABLE votes_by_stage RENAME TO votes;
-- +engine postgres
ALTER TABLE votes ADD COLUMN stage bigint NOT NULL DEFAULT 0;
ALTER TABLE votes DROP CONSTRAINT votes_pkey;
ALTER TABLE votes ADD PRIMARY KEY (space, petition, person, stage);
-- +engine both
