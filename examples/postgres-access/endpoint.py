"""An endpoint that gives people roles in PostgreSQL, for a time. README.md says how to run it."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Iterable, Mapping
from socketserver import ThreadingMixIn
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pg8000.native
from indentapi.webhook import Access, Receiver, Status, Update
from roles import Database, Roles

KIND = "postgres-role"


def application(environ: Mapping[str, str]) -> Receiver:
    """The WSGI application, with the settings of README.md."""
    roles = Roles(lambda: connect(environ), environ.get("ROLE_PREFIX", "access_"))

    def apply(update: Update) -> None:
        login, role = login_of(update.user), role_of(update.target)
        if update.grant:
            roles.grant(login, role, update.expires)
            until = f" until {update.expires:%H:%M:%S}" if update.expires else ""
            say(f"granted {role} to {login}{until}")
        else:
            roles.revoke(login, role)
            say(f"revoked {role} from {login}")

    def pull(kinds: list[str], flags: dict[str, str]) -> Iterable[Mapping[str, Any]]:
        if KIND not in kinds:
            return []
        return [
            {"id": name, "kind": KIND, "displayName": comment or name}
            for name, comment in roles.requestable()
        ]

    def state(user: Mapping[str, Any], target: Mapping[str, Any]) -> Access:
        return roles.state(login_of(user), role_of(target))

    return Receiver(
        environ["INDENT_WEBHOOK_SECRETS"].split(),
        apply=apply,
        pull=pull,
        state=state,
        name="postgres-access",
        failed=lambda error: say(f"failed: {type(error).__name__}: {error}"),
    )


def login_of(user: Mapping[str, Any]) -> str:
    """The name of a person's login: their address. What else is in `user` may be their own word."""
    name = str(user.get("id", "")).lower()
    if "@" not in name or not name.isprintable():
        raise Status(5, "people are known here by their addresses")
    return name


def role_of(target: Mapping[str, Any]) -> str:
    if target.get("kind") != KIND:
        raise Status(5, f"this endpoint gives what is of the kind {KIND}")
    return str(target.get("id", ""))


def connect(environ: Mapping[str, str]) -> Database:
    """A connection by PostgreSQL's own variables; encrypted, unless to this machine."""
    host = environ.get("PGHOST", "127.0.0.1")
    here = host in ("127.0.0.1", "::1", "localhost")
    connection = pg8000.native.Connection(
        environ["PGUSER"],
        host=host,
        port=int(environ.get("PGPORT", "5432")),
        database=environ.get("PGDATABASE", "postgres"),
        password=environ.get("PGPASSWORD"),
        ssl_context=None if here else ssl.create_default_context(),
        timeout=10,
        application_name="indent",
    )
    return cast("Database", connection)


def say(line: str) -> None:
    print("".join(c if c.isprintable() else "?" for c in line), flush=True)


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Said by `say`, once what was asked for is so."""


def main() -> int:
    try:
        app = application(os.environ)
        connect(os.environ).close()
    except (KeyError, ValueError, pg8000.native.Error) as error:
        print(f"cannot start: {error!r}: README.md has the settings", file=sys.stderr)
        return 1
    port = int(os.environ.get("PORT", "9000"))
    server = make_server("127.0.0.1", port, app, server_class=Server, handler_class=Quiet)
    say(f"listening on http://127.0.0.1:{server.server_port}/")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
