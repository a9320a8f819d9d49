"""A private PostgreSQL server for the length of a test run.

    scripts/postgres.py go test ./internal/store/...

runs a command with INDENT_TEST_POSTGRES set to the address of a new, empty server, and
removes the server when the command ends.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import machine
import tree

VARIABLE = "INDENT_TEST_POSTGRES"


@contextlib.contextmanager
def private_server(durable: bool = False) -> Generator[str, None, None]:
    """Start a server on a free loopback port, give its URL, stop and remove it at the end.

    Its superuser has a random password: loopback is shared with everybody on the machine.
    It waits for its disk only if it is to be durable, as one that is measured must be.
    """
    programs = machine.find_postgres()
    if programs is None:
        raise SystemExit(
            "PostgreSQL's server programs are missing: `make test` says how to get them"
        )
    owner = _server_owner()
    # root's own place for scratch files may be closed to the server's user
    with tree.scratch_folder("indent-pg-", under="/tmp" if owner else None) as folder:
        if owner:
            shutil.chown(folder, user=owner)
        password = secrets.token_hex(16)
        _create(programs, folder, owner, password)
        port = _free_port()
        server = _start(programs, folder, owner, port, durable)
        try:
            _wait_until_ready(server, folder, port)
            yield f"postgres://indent:{password}@127.0.0.1:{port}/postgres?sslmode=disable"
        finally:
            _stop(server)


def _server_owner() -> str | None:
    """PostgreSQL refuses to run as root: as root its files and process belong to `postgres`."""
    if os.geteuid() != 0:
        return None
    name = next((n for n in ("postgres", "nobody") if _user_exists(n)), None)
    if name is None:
        raise SystemExit("PostgreSQL does not run as root: create the user `postgres`")
    return name


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _create(programs: Path, folder: Path, owner: str | None, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password)
    secret.chmod(0o600)
    if owner:
        shutil.chown(secret, user=owner)
    command = [programs / "initdb", "--pgdata", folder / "data", "--username", "indent"]
    command += ["--auth", "password", "--pwfile", secret, "--no-sync"]
    command += ["--encoding", "UTF8", "--locale", "C", "--no-instructions"]
    done = subprocess.run(
        command,
        user=owner,
        group=_group(owner),
        extra_groups=[] if owner else None,
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        raise SystemExit(f"initdb failed:\n{done.stdout}")


def _group(owner: str | None) -> int | None:
    return pwd.getpwnam(owner).pw_gid if owner else None


# what is made for a test outlives nothing, so it need not survive a power cut
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def _start(
    programs: Path, folder: Path, owner: str | None, port: int, durable: bool
) -> subprocess.Popen[bytes]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 200,
        **({} if durable else NOT_DURABLE),
    }
    command: list[str | Path] = [programs / "postgres", "-D", folder / "data"]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command,
            user=owner,
            group=_group(owner),
            extra_groups=[] if owner else None,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # its own session: Ctrl-C must not stop it before those who use it
            start_new_session=True,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(server: subprocess.Popen[bytes], folder: Path, port: int) -> None:
    """Ready is what the server says in its pid file: a port that answers may be another's."""
    deadline = time.monotonic() + 60
    status = folder / "data/postmaster.pid"
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError):
            if status.read_text().rstrip().endswith("ready"):
                return
        time.sleep(0.05)
    raise SystemExit(f"PostgreSQL did not start on port {port}:\n{(folder / 'log').read_text()}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Fast shutdown; immediate when that takes too long."""
    for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is not None:
            return
        server.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=20)


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    machine.ensure(["postgres"])
    with private_server() as url:
        return subprocess.run(sys.argv[1:], env={**os.environ, VARIABLE: url}).returncode


if __name__ == "__main__":
    sys.exit(tree.until_stopped(main))
