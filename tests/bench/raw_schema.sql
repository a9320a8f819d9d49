-- The floor's schema, for PostgreSQL.
CREATE TABLE petition (id bigint PRIMARY KEY, state text, body text, created bigint);
CREATE INDEX petition_by_state ON petition (state, created);
CREATE TABLE audit (seq bigserial PRIMARY KEY, at bigint, kind text, petition bigint, body text);
