-- In which session a program was let in, and every name of the directory.

-- +goose Up

ALTER TABLE logins ADD COLUMN session text NOT NULL DEFAULT '';

-- An entry with one name alone stands among the aliases, too: its name in another case leads to it.
INSERT INTO aliases (space, owner, alias)
    SELECT space, 'r' || name, lower(id) FROM resources r
    WHERE id <> '' AND NOT EXISTS (SELECT 1 FROM aliases a WHERE a.space = r.space AND a.owner = 'r' || r.name AND a.alias = lower(r.id));
