"""What is done in PostgreSQL: who may log in, until when, and as a member of which roles."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any, Protocol, cast

import pg8000.native
from indentapi.webhook import Access, Status

PEOPLE = "indent_people"
"""The role whose members are the logins of people. Only theirs are opened, closed and ended."""

LONGEST_NAME = 63
"""Bytes: PostgreSQL cuts longer names off, so that two people could come to be one."""

# who is one of these, or can become one, could give everybody everything
TOO_MUCH = """
    (g.rolsuper OR g.rolcreaterole OR g.rolreplication OR g.rolbypassrls OR g.rolname IN
    ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))
"""


class Database(Protocol):
    """What is used of a pg8000.native.Connection, which has no types of its own."""

    def run(self, sql: str, **values: Any) -> list[list[Any]]: ...

    def close(self) -> None: ...


class Roles:
    """Grants and revokes the roles whose names begin with a prefix.

    Args:
        connect: Opens a connection as a role that may do what setup.sql says.
        prefix: Of the roles that people may get; not empty.
    """

    def __init__(self, connect: Callable[[], Database], prefix: str) -> None:
        if not prefix:
            raise ValueError("without a prefix every role could be asked for")
        self._connect = connect
        self._prefix = prefix

    def grant(self, login: str, role: str, expires: datetime | None) -> None:
        """Let the person log in, until it ends, as a member of the role.

        A login that is not there is made, without a password. The end that is told last holds; of a
        person who has more roles the latest: VALID UNTIL bounds the login, and `revoke` takes each
        role away.
        """
        _check_names(login, role)
        with self._changing(login) as db:
            self._check_role(db, role)
            if not self._is_person(db, login):
                self._make(db, login)
            if expires and db.run("SELECT CAST(:t AS timestamptz) <= now()", t=expires)[0][0]:
                raise Status(9, "the grant has ended already")
            _do(db, "GRANT %I TO %I", role, login)
            _do(db, "ALTER ROLE %I LOGIN VALID UNTIL %L", login, self._end(db, login, expires))

    def revoke(self, login: str, role: str) -> None:
        """Take the role away, close a login that has none left, and end the person's sessions.

        Nothing to take away is fine. Access that somebody else gave, and that is left, is not.
        """
        _check_names(login, role)
        with self._changing(login) as db:
            ours = self._is_person(db, login)
            if ours and role in self._of(db, login):
                _do(db, "REVOKE %I FROM %I", role, login)
                if not self._of(db, login):
                    _do(db, "ALTER ROLE %I NOLOGIN", login)
        if ours:
            self._end_sessions(login)
        if self.state(login, role).access:
            raise Status(9, f"{login} has {role} by what this endpoint did not give: take it away")

    def state(self, login: str, role: str) -> Access:
        """Whether the person could be in now: may log in, and is a member, by whatever way.

        VALID UNTIL ends only passwords, so a login past it still counts.
        """
        _check_names(login, role)
        with self._connected() as db:
            rows = db.run(
                """SELECT u.rolcanlogin AND pg_has_role(u.oid, r.oid, 'MEMBER'),
                          CASE WHEN isfinite(u.rolvaliduntil) THEN u.rolvaliduntil END
                   FROM pg_roles u, pg_roles r WHERE u.rolname = :login AND r.rolname = :role""",
                login=login,
                role=role,
            )
            access, until = rows[0] if rows else (False, None)
            # the end of a login that has more than this role may be that of another
            alone = bool(access) and self._of(db, login) == [role]
        return Access(bool(access), until if alone else None)

    def requestable(self) -> list[tuple[str, str]]:
        """The roles that people may get, each with its comment in the database."""
        with self._connected() as db:
            rows = db.run(
                f"""SELECT r.rolname, coalesce(shobj_description(r.oid, 'pg_authid'), '')
                    FROM pg_roles r WHERE starts_with(r.rolname, :prefix)
                    AND NOT EXISTS ({_REACHED} AND ({TOO_MUCH} OR g.rolname = '{PEOPLE}'))
                    ORDER BY 1""",
                prefix=self._prefix,
            )
        return [(name, comment) for name, comment in rows]

    def _check_role(self, db: Database, role: str) -> None:
        if not role.startswith(self._prefix):
            raise Status(7, f"only roles whose names begin with {self._prefix} can be had")
        rows = db.run(
            f"""SELECT EXISTS ({_REACHED} AND ({TOO_MUCH} OR g.rolname = '{PEOPLE}'))
                FROM pg_roles r WHERE r.rolname = :role""",
            role=role,
        )
        if not rows:
            raise Status(5, f"there is no role {role}")
        if rows[0][0]:
            raise Status(7, f"{role} is more than a role to ask for: it leads to a superuser's")

    def _is_person(self, db: Database, login: str) -> bool:
        """Whether the login is there and is a person's; refuses one that may do too much."""
        rows = db.run(
            f"""SELECT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles p ON p.oid = m.roleid
                               WHERE m.member = g.oid AND p.rolname = '{PEOPLE}'), {TOO_MUCH}
                FROM pg_roles g WHERE g.rolname = :login""",
            login=login,
        )
        return bool(rows) and rows[0][0] and not rows[0][1]

    def _make(self, db: Database, login: str) -> None:
        if db.run("SELECT 1 FROM pg_roles WHERE rolname = :login", login=login):
            raise Status(
                9, f"the role {login} is there and is not a person's: if it is one, grant {PEOPLE}"
            )
        _do(db, "CREATE ROLE %I NOLOGIN", login)
        _do(db, f"GRANT {PEOPLE} TO %I", login)

    def _of(self, db: Database, login: str) -> list[str]:
        """The roles with the prefix that the login has."""
        rows = db.run(
            """SELECT DISTINCT r.rolname FROM pg_auth_members m
               JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
               WHERE u.rolname = :login AND starts_with(r.rolname, :prefix)""",
            login=login,
            prefix=self._prefix,
        )
        return [name for (name,) in rows]

    def _end(self, db: Database, login: str, expires: datetime | None) -> str:
        """The new end; the later of it and the one before, where the login has other roles."""
        alone = len(self._of(db, login)) == 1
        [[until]] = db.run(
            """SELECT CAST(greatest(new, until) AS text) FROM (
                 SELECT CAST(:t AS timestamptz) AS new,
                        CASE WHEN rolcanlogin AND NOT :alone
                             THEN coalesce(rolvaliduntil, 'infinity') END AS until
                 FROM pg_roles WHERE rolname = :login) AS login""",
            login=login,
            t=expires.isoformat() if expires else "infinity",
            alone=alone,
        )
        return until

    def _end_sessions(self, login: str) -> None:
        """End them, and see that they are gone: a session keeps the role that it has taken."""
        sessions = "SELECT pid FROM pg_stat_activity WHERE usename = :login LIMIT :most"
        with self._connected() as db:
            for most, milliseconds in ((100_000, 0), (5, 1000)):  # all at once, then waiting
                # MATERIALIZED: in one query the planner may end sessions before it looks whose
                db.run(
                    f"""WITH theirs AS MATERIALIZED ({sessions})
                        SELECT pg_terminate_backend(pid, :wait) FROM theirs""",
                    login=login,
                    most=most,
                    wait=milliseconds,
                )
            if db.run(sessions, login=login, most=1):
                raise Status(14, f"sessions of {login} have not ended yet")

    @contextlib.contextmanager
    def _changing(self, login: str) -> Generator[Database, None, None]:
        """All or nothing, and one after the other for each person, on every endpoint there is."""
        with self._connected() as db:
            db.run("BEGIN")
            db.run("SELECT pg_advisory_xact_lock(hashtextextended(:login, 0))", login=login)
            yield db
            db.run("COMMIT")

    @contextlib.contextmanager
    def _connected(self) -> Generator[Database, None, None]:
        try:
            db = self._connect()
        except pg8000.native.InterfaceError as error:
            raise Status(14, "PostgreSQL cannot be reached") from error
        try:
            yield db
        except pg8000.native.DatabaseError as error:
            told = cast("dict[str, str]", error.args[0])  # SQLSTATE and message
            if told.get("C", "")[:2] not in ("42", "0L"):
                raise
            raise Status(9, f"PostgreSQL refuses: {told.get('M')}") from error
        finally:
            with contextlib.suppress(pg8000.native.InterfaceError):  # it may be broken already
                db.close()


_REACHED = "SELECT FROM pg_roles g WHERE pg_has_role(r.oid, g.oid, 'MEMBER')"
"""What r is, or can become."""


def _check_names(*names: str) -> None:
    for name in names:
        if not name or "\0" in name or len(name.encode()) > LONGEST_NAME:
            raise Status(5, "there is no role with such a name: it has 1 to 63 bytes")


def _do(db: Database, statement: str, *names: str) -> None:
    """Run what takes names and no parameters. PostgreSQL itself quotes them: %I, %L."""
    [[text]] = db.run(
        "SELECT format(:statement, VARIADIC CAST(:names AS text[]))",
        statement=statement,
        names=list(names),
    )
    db.run(text)
