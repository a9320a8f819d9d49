-- Once, as a superuser, in the database cluster:
--   psql --set password=... --file setup.sql

-- the logins of people are members of it: pg_hba.conf can name them all as +indent_people
CREATE ROLE indent_people NOLOGIN;

-- what the endpoint connects as: it makes logins, and no superusers
CREATE ROLE indent_endpoint LOGIN CREATEROLE PASSWORD :'password';
GRANT indent_people TO indent_endpoint WITH ADMIN OPTION;
GRANT pg_signal_backend TO indent_endpoint;

-- then each role that people may get:
--   CREATE ROLE access_reader NOLOGIN;
--   GRANT pg_read_all_data TO access_reader;
--   COMMENT ON ROLE access_reader IS 'Read all tables of production';
--   GRANT access_reader TO indent_endpoint WITH ADMIN OPTION;
--
-- from PostgreSQL 16 on, for each person's login that was there before the endpoint:
--   GRANT "ada@example.com" TO indent_endpoint WITH ADMIN OPTION;
