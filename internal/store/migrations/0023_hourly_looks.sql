-- Each space has a job that looks, once an hour, at what time alone makes stuck.

-- +goose Up

-- Spread over an hour, as those of spaces that are made from now on are. That of a space which was deleted ends when it runs.
-- +engine sqlite
INSERT INTO jobs (key, kind, space, petition, run_time, lease_until, due, attempts)
    SELECT 'hourly/' || name, 'hourly', name, '', at, 0, at, 0
    FROM (SELECT name, CAST(strftime('%s', 'now') AS integer) * 1000000 + abs(random() % 3600000000) AS at FROM spaces);
-- +engine postgres
INSERT INTO jobs (key, kind, space, petition, run_time, lease_until, due, attempts)
    SELECT 'hourly/' || name, 'hourly', name, '', at, 0, at, 0
    FROM (SELECT name, (extract(epoch FROM now()) * 1000000)::bigint + (random() * 3600000000)::bigint AS at FROM spaces) spread;
-- +engine both
