-- Passkeys: the public halves of keys on people's devices, what pages have asked them to sign, and what was signed.

-- +goose Up

CREATE TABLE passkeys (
    space       text    NOT NULL,
    id          text    NOT NULL,
    member      text    NOT NULL,
    name        text    NOT NULL,
    public_key  text    NOT NULL,
    user_handle text    NOT NULL,
    counter     integer NOT NULL,
    backed      integer NOT NULL,
    create_time integer NOT NULL,
    last_used   integer NOT NULL,
    PRIMARY KEY (space, id)
) STRICT, WITHOUT ROWID;

-- A credential is one member's of one space (WebAuthn, 7.1, step 26).
CREATE UNIQUE INDEX passkeys_by_id ON passkeys (id);
CREATE INDEX passkeys_by_member ON passkeys (space, member, create_time, id);

-- A session has at most one challenge of each purpose; it is deleted when it is used.
CREATE TABLE passkey_challenges (
    space       text    NOT NULL,
    session     text    NOT NULL,
    purpose     text    NOT NULL,
    hash        text    NOT NULL,
    expire_time integer NOT NULL,
    PRIMARY KEY (space, session, purpose)
) STRICT, WITHOUT ROWID;

CREATE INDEX passkey_challenges_by_end ON passkey_challenges (space, expire_time);

-- Signatures that have confirmed a claim: each does so once.
CREATE TABLE confirmations (
    space text NOT NULL,
    use   text NOT NULL,
    PRIMARY KEY (space, use)
) STRICT, WITHOUT ROWID;
