-- Whoever looks for the events of one name finds them at once, unless it is one of those that nearly every petition has:
-- these are near wherever one begins, and writing them costs nothing more.

-- +goose Up

CREATE INDEX events_by_event ON events (space, event, tx, seq)
    WHERE event NOT IN ('access/request', 'access/approve', 'access/grant');
