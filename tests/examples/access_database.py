"""A PostgreSQL as examples/postgres-access wants it, and its endpoint."""

from __future__ import annotations

import contextlib
import sys
import urllib.parse
from collections.abc import Generator
from typing import Any

import endpoints
import pg8000.native
import postgres
from endpoints import EXAMPLES, Endpoint

FOLDER = EXAMPLES / "postgres-access"
PASSWORD = "correct horse"

Connection = pg8000.native.Connection
DatabaseError = pg8000.native.DatabaseError


class Database:
    """A PostgreSQL with what setup.sql makes of it, and roles that people may get."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = str(parts.hostname), int(parts.port or 0)
        self._root = (str(parts.username), str(parts.password))

    def root(self) -> Connection:
        return self.connect(*self._root)

    def connect(self, user: str, password: str) -> Connection:
        return Connection(
            user, host=self.host, port=self.port, database="postgres", password=password
        )

    def do(self, *statements: str) -> None:
        with contextlib.closing(self.root()) as db:
            for statement in statements:
                db.run(statement)

    def ask(self, sql: str, **values: Any) -> Any:
        with contextlib.closing(self.root()) as db:
            return db.run(sql, **values)

    def person(self, name: str) -> None:
        """A login with a password, as an administrator makes it; it cannot log in yet."""
        quoted = pg8000.native.identifier(name)
        self.do(f"CREATE ROLE {quoted} NOLOGIN PASSWORD '{PASSWORD}' IN ROLE indent_people")

    def logs_in(self, name: str) -> str:
        """Whether the person logs in: `yes`, or why not."""
        try:
            self.connect(name, PASSWORD).close()
        except DatabaseError as error:
            return str(error.args[0]["M"])
        return "yes"

    def reads(self, name: str) -> bool:
        with contextlib.closing(self.connect(name, PASSWORD)) as db:
            try:
                return db.run("SELECT word FROM secrets") == [["sesame"]]
            except DatabaseError:
                return False


@contextlib.contextmanager
def prepared() -> Generator[Database, None, None]:
    """A server of its own, as roles are a whole server's."""
    with postgres.private_server() as url:
        made = Database(url)
        prepare(made)
        yield made


def prepare(made: Database) -> None:
    setup = (FOLDER / "setup.sql").read_text().replace(":'password'", f"'{PASSWORD}'")
    made.do(
        setup,
        "CREATE TABLE secrets (word text)",
        "INSERT INTO secrets VALUES ('sesame')",
        "CREATE ROLE access_reader NOLOGIN",
        "CREATE ROLE access_writer NOLOGIN",
        "GRANT SELECT ON secrets TO access_reader",
        "COMMENT ON ROLE access_reader IS 'Read the secrets'",
        "GRANT access_reader, access_writer TO indent_endpoint WITH ADMIN OPTION",
        "CREATE ROLE admin_reader NOLOGIN",
        "CREATE ROLE access_root SUPERUSER NOLOGIN",
        "CREATE ROLE access_ladder NOLOGIN IN ROLE access_root",
        "CREATE ROLE access_shell NOLOGIN IN ROLE pg_execute_server_program",
    )


def endpoint(database: Database) -> contextlib.AbstractContextManager[Endpoint]:
    settings = {
        "PGHOST": database.host,
        "PGPORT": str(database.port),
        "PGUSER": "indent_endpoint",
        "PGPASSWORD": PASSWORD,
    }
    return endpoints.running([sys.executable, "endpoint.py"], FOLDER, **settings)
