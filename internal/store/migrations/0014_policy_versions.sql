-- Why each version of a rule document was made, and what its text was.

-- +goose Up

-- digest is the SHA-256 of document; it is empty for a version that was there before, of which it is worked out when read.
ALTER TABLE policies ADD COLUMN digest text NOT NULL DEFAULT '';
ALTER TABLE policies ADD COLUMN reason text NOT NULL DEFAULT '';
ALTER TABLE policies ADD COLUMN petition text NOT NULL DEFAULT '';
