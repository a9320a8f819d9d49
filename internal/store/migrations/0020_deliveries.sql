-- Calls to webhooks that apply grants: what each was told, every attempt, and how it stands.

-- +goose Up

-- Jobs of one lane hold up no other. Timers have the lane ''.
ALTER TABLE jobs ADD COLUMN lane text NOT NULL DEFAULT '';
DROP INDEX jobs_by_due;
CREATE INDEX jobs_by_lane ON jobs (lane, due);

-- What a webhook was told, or is to be told, of one pair of a petition: name stands for the pair as it is told, and pair for
-- the person and the thing by whatever name, whose calls come one after the other. holds says that the webhook may have given
-- access, and ending since when it is to be taken away and has not been, else 0. doc is the rest.
CREATE TABLE applications (
    space    text    NOT NULL,
    petition text    NOT NULL,
    webhook  text    NOT NULL,
    name     text    NOT NULL,
    version  integer NOT NULL,
    pair     text    NOT NULL,
    state    text    NOT NULL,
    holds    integer NOT NULL,
    ending   integer NOT NULL,
    doc      text    NOT NULL,
    PRIMARY KEY (space, petition, webhook, name)
) STRICT, WITHOUT ROWID;

-- Those that have not ended are few: of them a pair is put together, and counted what a webhook still holds.
CREATE INDEX applications_by_pair ON applications (space, webhook, pair, petition, name) WHERE state <> 'ended';
CREATE INDEX applications_by_ending ON applications (space, webhook, ending) WHERE ending > 0;

-- The log of attempts. attempt has what was sent and answered, without secrets and bounded; doc is the rest.
CREATE TABLE deliveries (
    seq      integer PRIMARY KEY,
    space    text    NOT NULL,
    name     text    NOT NULL,
    webhook  text    NOT NULL,
    petition text    NOT NULL,
    time     integer NOT NULL,
    outcome  text    NOT NULL,
    doc      text    NOT NULL,
    attempt  text    NOT NULL
) STRICT;

CREATE UNIQUE INDEX deliveries_by_name ON deliveries (space, name);
CREATE INDEX deliveries_by_webhook ON deliveries (space, webhook, seq);
CREATE INDEX deliveries_by_petition ON deliveries (space, petition, seq);

-- How an endpoint behaves: failures in a row, a pause, the end of calls that it asked for.
CREATE TABLE webhook_states (
    space   text    NOT NULL,
    webhook text    NOT NULL,
    version integer NOT NULL,
    doc     text    NOT NULL,
    PRIMARY KEY (space, webhook)
) STRICT, WITHOUT ROWID;
