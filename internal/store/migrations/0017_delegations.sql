-- Who decides for whom while somebody is away.

-- +goose Up

-- start_time <= t < end_time is when it is active, unless revoke_time says that somebody has ended it before; 0: nobody has.
-- last_use_time is when the deputy decided by it last; 0: never. Those that are over are kept: approvals name them.
CREATE TABLE delegations (
    space         text    NOT NULL,
    name          text    NOT NULL,
    delegator     text    NOT NULL,
    deputy        text    NOT NULL,
    start_time    integer NOT NULL,
    end_time      integer NOT NULL,
    reason        text    NOT NULL,
    created_by    text    NOT NULL,
    create_time   integer NOT NULL,
    revoke_time   integer NOT NULL DEFAULT 0,
    revoked_by    text    NOT NULL DEFAULT '',
    last_use_time integer NOT NULL DEFAULT 0,
    PRIMARY KEY (space, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX delegations_end ON delegations (space, end_time);
CREATE INDEX delegations_deputy ON delegations (space, deputy, end_time);
CREATE INDEX delegations_delegator ON delegations (space, delegator, end_time);
