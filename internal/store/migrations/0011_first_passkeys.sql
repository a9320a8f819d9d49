-- A member's first passkey is confirmed by nothing: there is one of that kind at most, whoever adds it at the same moment.

-- +goose Up

ALTER TABLE passkeys ADD COLUMN unconfirmed integer NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX passkeys_unconfirmed ON passkeys (space, member) WHERE unconfirmed = 1;
