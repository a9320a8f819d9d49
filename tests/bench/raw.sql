-- One round trip of the floor, by PostgreSQL alone: two durable transactions, each with its audit row.
\set n random(0, 9223372036854775806)
BEGIN;
INSERT INTO petition VALUES (:n, 'pending', '{"action":"deploy","reason":"bench"}', 1);
INSERT INTO audit (at, kind, petition, body) VALUES (1, 'create', :n, '{"action":"deploy","reason":"bench"}');
COMMIT;
BEGIN;
UPDATE petition SET state = 'approved' WHERE id = :n AND state = 'pending';
INSERT INTO audit (at, kind, petition, body) VALUES (2, 'decide', :n, 'approved');
COMMIT;
