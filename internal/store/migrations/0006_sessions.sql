-- How browsers are signed in, and the roles that groups at a sign-in provider give.

-- +goose Up

-- verified is who was proved to be there, whatever a space calls its members; sign_in is the hash of the sign-in that made
-- the session, so that each makes one.
CREATE TABLE sessions (
    space    text NOT NULL,
    name     text NOT NULL,
    method   text NOT NULL,
    provider text NOT NULL,
    verified text NOT NULL,
    address  text NOT NULL,
    browser  text NOT NULL,
    sign_in  text NOT NULL,
    PRIMARY KEY (space, name)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sessions_by_sign_in ON sessions (sign_in) WHERE sign_in <> '';

-- Of those who are signed in already nobody knows who was proved to be there.
INSERT INTO sessions (space, name, method, provider, verified, address, browser, sign_in)
    SELECT space, name, 'link', '', '', '', '', '' FROM tokens WHERE kind = 'session';

CREATE TABLE mapped_roles (
    space       text NOT NULL,
    member      text NOT NULL,
    provider    text NOT NULL,
    role        text NOT NULL,
    before_role text NOT NULL,
    PRIMARY KEY (space, member)
) STRICT, WITHOUT ROWID;
