-- What webhooks say of who really has access (GetState).

-- +goose Up

-- check_time is when the webhook is asked next whether the person of an application has the thing, 0 for never, and drift what was seen
-- twice and told: '' for nothing.
ALTER TABLE applications ADD COLUMN check_time integer NOT NULL DEFAULT 0;
ALTER TABLE applications ADD COLUMN drift text NOT NULL DEFAULT '';
CREATE INDEX applications_by_check ON applications (space, webhook, check_time) WHERE check_time > 0;
CREATE INDEX applications_by_drift ON applications (space, webhook) WHERE drift <> '';
