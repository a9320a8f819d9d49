"""What `make bench` measures, and with what: Indent's nodes, the floor, PostgreSQL alone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import machine
import processes
import tree

INDENT = tree.ROOT / "bin/indent"
BENCH = tree.ROOT / "tests/bench"
BUILT = tree.BUILD / "bench"


class Failed(Exception):
    """A measurement that is no measurement: a server did not start, or work went wrong."""


@dataclass(frozen=True)
class Floor:
    url: str
    pid: int

    def measure(self, mode: str, at_once: int, seconds: float) -> dict[str, Any]:
        """One line of the floor's own client."""
        return floors_client(self.url, self.pid, mode, at_once, seconds)


@dataclass(frozen=True)
class Indent:
    """A cluster of one or more nodes on one database, with a space to measure in."""

    urls: Sequence[str]
    pids: Sequence[int]
    folder: Path

    def measure(self, *arguments: str, nodes: int = 1) -> list[dict[str, Any]]:
        """The results of `indent bench` against the first nodes."""
        command: list[str | Path] = [INDENT, "bench", "--json", *arguments]
        command += ["--asker", self.folder / "asker.env"]
        command += ["--reviewer", self.folder / "reviewer.env"]
        for url, pid in list(zip(self.urls, self.pids, strict=True))[:nodes]:
            command += ["--url", url, "--pid", str(pid)]
        return json.loads(_run(command))["results"]

    def measure_one(self, mode: str, at_once: int, seconds: float, nodes: int = 1) -> Any:
        how = "--parked" if mode in ("parked", "stream") else "--concurrency"
        duration = f"{seconds}s"
        return self.measure("--mode", mode, how, str(at_once), "--duration", duration, nodes=nodes)[
            0
        ]

    def measure_with_floors_client(self, mode: str, at_once: int, seconds: float) -> dict[str, Any]:
        """What the floor's client says of the first node."""
        petitions = f"/v1/spaces/{self._setting('asker', 'INDENT_SPACE')}/petitions"
        how = ["-create", f"POST {petitions}", "-idfield", "name"]
        how += ["-createbody", json.dumps(PETITION)]
        how += ["-wait", f"GET {petitions}/{{id}}?wait=60s"]
        how += ["-decide", f"POST {petitions}/{{id}}/claims", "-decidebody", json.dumps(CLAIM)]
        how += ["-H", "Authorization: Bearer $ASKER", "-D", "Authorization: Bearer $REVIEWER"]
        env = {who.upper(): self._setting(who, "INDENT_API_TOKEN") for who in ("asker", "reviewer")}
        return floors_client(self.urls[0], self.pids[0], mode, at_once, seconds, how, env)

    def _setting(self, who: str, name: str) -> str:
        for line in (self.folder / f"{who}.env").read_text().splitlines():
            key, _, value = line.partition("=")
            if key == name:
                return value
        raise Failed(f"{who}.env has no {name}")


def warm_up(indent: Indent, floor: Floor | None, nodes: int = 1) -> None:
    """What is done for the first time is not what is measured."""
    good(indent.measure_one("roundtrip", 64, 0.5, nodes=nodes))
    if floor:
        floor.measure("rt", 64, 0.5)


def good(result: dict[str, Any]) -> dict[str, Any]:
    """The result, if all that was asked was answered rightly."""
    if result["bad"] or not result["done"]:
        what = f"{result['mode']}, {result['atOnce']} at once"
        raise Failed(f"{what}: {result['bad']} bad, first: {result.get('problem')}")
    return result


PETITION = {"petition": {"reason": "bench", "resources": [{"kind": "action", "id": "deploy"}]}}
CLAIM = {"claim": {"event": "access/approve"}}


def floors_client(
    url: str,
    pid: int,
    mode: str,
    at_once: int,
    seconds: float,
    how: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """One line of the floor's client; tokens are in the environment, which others cannot read."""
    command: list[str | Path] = [BUILT / "httpbench", "-base", url, "-mode", mode, *how]
    command += ["-k" if mode == "parked" else "-c", str(at_once)]
    command += ["-secs", str(seconds), "-pids", str(pid)]
    line = json.loads(_run(command, env))
    if line["bad"]:
        raise Failed(f"the floor's client at {url}: {line['bad']} bad, first: {line.get('err')}")
    return line


def build_floor() -> None:
    """The floor and its client. SQLite's C text takes the compiler half a minute, once."""
    machine.ensure(["gcc"])
    build_floors_client("./floor")


def build_floors_client(*more: str) -> None:
    machine.ensure(["go"])
    BUILT.mkdir(parents=True, exist_ok=True)
    command = ["go", "build", "-o", f"{BUILT}/", "./httpbench", *more]
    env = {**os.environ, "CGO_ENABLED": "1" if more else "0"}
    if subprocess.run(command, cwd=BENCH, env=env).returncode:
        raise Failed("the floor and its client could not be built: see above")


@contextlib.contextmanager
def scratch() -> Generator[Path, None, None]:
    """A folder on the disk that the tree is on: a place in memory would wait for no disk."""
    BUILT.mkdir(parents=True, exist_ok=True)
    with tree.scratch_folder("run-", under=str(BUILT)) as folder:
        yield folder


@contextlib.contextmanager
def floor(folder: Path) -> Generator[Floor, None, None]:
    port = _free_port()
    address = f"127.0.0.1:{port}"
    name = f"floor-{secrets.token_hex(4)}"
    command = [BUILT / "floor", "-addr", address, "-db", folder / f"{name}.db"]
    with _process(command, folder / f"{name}.log") as process:
        _until_answered(process, f"http://{address}/", folder / f"{name}.log")
        yield Floor(f"http://{address}", process.pid)


@contextlib.contextmanager
def indent(
    folder: Path, database: str = "", nodes: int = 1, petitions: int = 0, people: int = 0
) -> Generator[Indent, None, None]:
    """Prepare a space in the database, by default a new file, and start nodes on it."""
    home = folder / f"indent-{secrets.token_hex(4)}"
    home.mkdir()
    database = database or str(home / "indent.db")
    ports = [_free_port() for _ in range(nodes)]
    addresses = [f"127.0.0.1:{port}" for port in ports]
    # user tokens are for one address, whatever node they reach
    base = f"http://{addresses[0]}"
    prepare(home, database, base, petitions, people)
    with contextlib.ExitStack() as all_nodes:
        pids: list[int] = []
        for number, address in enumerate(addresses):
            log = home / f"node-{number}.log"
            command = serve_command(base, address)
            process = all_nodes.enter_context(_process(command, log, settings(database)))
            _until_answered(process, f"http://{address}/readyz", log)
            pids.append(process.pid)
        yield Indent([f"http://{address}" for address in addresses], pids, home)


def prepare(home: Path, database: str, base: str, petitions: int, people: int = 0) -> None:
    # nobody needs what is made before the measurement to survive a power cut
    if "://" in database:
        parts = urlsplit(database)
        database = urlunsplit(parts._replace(query=f"{parts.query}&synchronous_commit=off"))
    command: list[str | Path] = [INDENT, "bench", "prepare", "--dir", home, "--base-url", base]
    command += ["--petitions", str(petitions), "--people", str(people)]
    _run(command, settings(database))


def settings(database: str) -> dict[str, str]:
    """Its address has a password: a command line can be read by everybody.

    Two members do what thousands do: what bounds one member is lifted.
    """
    limits = ("RATE_CALLS", "RATE_PETITIONS", "RATE_REFUSALS", "RATE_WRONG", "WAITS_PER_ACTOR")
    lifted = {f"INDENT_SERVER_{name}": "0" for name in limits}
    return {"INDENT_SERVER_DATABASE": database, **lifted}


def serve_command(base: str, address: str) -> list[str | Path]:
    return [INDENT, "serve", "--base-url", base, "--addr", address, "--log-level", "warn"]


def start_times(folder: Path, times: int) -> dict[str, Any]:
    """How `indent serve` starts on a database that is there."""
    base = f"http://127.0.0.1:{_free_port()}"
    database = str(folder / "start.db")
    prepare(folder, database, base, petitions=1000)
    serve = serve_command(base, base.removeprefix("http://"))
    command: list[str | Path] = [INDENT, "bench", "start", "--json", "--url", base]
    return json.loads(_run([*command, "--times", str(times), "--", *serve], settings(database)))


@dataclass(frozen=True)
class Postgres:
    """A private server of PostgreSQL that waits for its disk."""

    url: str

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"bench_{secrets.token_hex(4)}"
        self._psql("--command", f"CREATE DATABASE {name}")
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def prepare_raw(self) -> Postgres:
        """A database with the floor's schema, to be measured without a server in between."""
        raw = Postgres(self.new_database())
        raw._psql("--file", BENCH / "raw_schema.sql")
        return raw

    def measure(self, clients: int, seconds: float) -> float:
        """Round trips of the floor's two transactions a second, by pgbench."""
        command: list[str | Path] = [_program("pgbench"), "--no-vacuum", "--protocol", "prepared"]
        command += ["--client", str(clients), "--jobs", str(min(clients, 2))]
        command += ["--file", BENCH / "raw.sql", "--time"]
        whole = max(1, round(seconds))
        # on a machine that is very busy its clients may not even be connected by then
        for longer in (1, 5, 20):
            told = _run([*command, str(whole * longer)], self._settings())
            if found := re.search(r"^tps = ([\d.]+)", told, re.MULTILINE):
                return float(found[1])
        raise Failed(f"pgbench did not say how fast it was:\n{told}")

    def setting(self, name: str) -> str:
        return self._psql("--tuples-only", "--no-align", "--command", f"SHOW {name}").strip()

    def _psql(self, *arguments: str | Path) -> str:
        command = [_program("psql"), "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"]
        return _run([*command, *arguments], self._settings())

    def _settings(self) -> dict[str, str]:
        parts = urlsplit(self.url)
        return {
            "PGHOST": parts.hostname or "",
            "PGPORT": str(parts.port),
            "PGUSER": parts.username or "",
            "PGPASSWORD": parts.password or "",
            "PGDATABASE": parts.path.removeprefix("/"),
            "PGSSLMODE": "disable",
        }


def _program(name: str) -> Path:
    folder = machine.find_postgres()
    program = folder / name if folder else None
    if program is None or not program.exists():
        raise Failed(f"{name} is missing beside PostgreSQL's server programs")
    return program


def _run(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> str:
    """The command's output; what it says meanwhile is shown when it fails."""
    environment = {**tree.without_indent_settings(), **(env or {})}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=tree.ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        name, said = Path(command[0]).name, done.stderr[-2000:]
        raise Failed(f"{name} ended with {done.returncode}:\n{said}")
    return done.stdout


@contextlib.contextmanager
def _process(
    command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None
) -> Generator[subprocess.Popen[bytes], None, None]:
    """A process for the length of the block."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**tree.without_indent_settings(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        processes.end_group(process)


def _until_answered(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as answer:
            if answer.code == 404:  # the floor has no such page, and answers
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise Failed(f"{url} was not answered:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
