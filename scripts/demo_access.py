"""`make demo-access`: access to a real PostgreSQL for ten seconds, seen by somebody who logs in.

A scratch PostgreSQL, a server, and the endpoint examples/postgres-access between them. Somebody
asks, is approved, and is out again when the time is over: refused, accepted, refused. Ends with 0
only when all of it was so. Everything it starts is stopped at the end, on Ctrl-C too.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - this is where older ones are told
    sys.exit("Python 3.10 or newer is needed; name one: make demo-access PYTHON=/path/to/python3")

import contextlib
import json
import secrets
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import endpoint_server
import machine
import postgres
import processes
import python_env
import tree
from scene import NotAsPromised, Scene, performed, say

EXAMPLE = tree.ROOT / "examples/postgres-access"
ADA = "ada@acmecorp.example"
ROLE = "access_reader"
WORD = "sesame"
LASTS_SECONDS = 10
LATE_SECONDS = 20
"""How much later than promised something may come, on a machine that does other things too."""

QUERY = "SELECT word FROM secrets"
LEFT = f"""SELECT rolcanlogin, pg_has_role(oid, '{ROLE}', 'MEMBER') FROM pg_roles
WHERE rolname = '{ADA}'"""


def main(example: Path = EXAMPLE) -> int:
    machine.ensure(["go", "venv", "postgres"])
    python = python_env.for_endpoint(EXAMPLE)
    with postgres.private_server() as url:
        return performed(
            "indent-demo-",
            lambda server, scratch: play(Scene(server, python, scratch), Database.at(url), example),
        )


@dataclass(frozen=True)
class Database:
    """A PostgreSQL server, by its own client."""

    settings: Mapping[str, str]
    """PGHOST, PGPORT, and PGUSER and PGPASSWORD of the superuser."""
    passwords: Mapping[str, str]
    """Of the endpoint, and of Ada."""

    @classmethod
    def at(cls, url: str) -> Database:
        parts = urlsplit(url)
        settings = {"PGHOST": str(parts.hostname), "PGPORT": str(parts.port)}
        settings |= {"PGUSER": str(parts.username), "PGPASSWORD": str(parts.password)}
        names = ("indent_endpoint", ADA)
        return cls(settings, {name: secrets.token_hex(16) for name in names})

    def settings_of(self, name: str) -> dict[str, str]:
        return {**self.settings, "PGUSER": name, "PGPASSWORD": self.passwords[name]}

    def command(self, *arguments: str | Path) -> list[str | Path]:
        programs = machine.find_postgres()
        assert programs
        quiet = ["--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align"]
        stop = ["--set", "ON_ERROR_STOP=1", "--dbname", "postgres"]
        return [programs / "psql", *quiet, *stop, *arguments]

    def administer(self, *arguments: str | Path) -> str:
        """Run psql as the superuser; what it answers."""
        done = self._run(self.command(*arguments), self.settings)
        if done.returncode != 0:
            raise NotAsPromised(f"the database cannot be prepared: {done.stderr}")
        return done.stdout.strip()

    def log_in(self) -> Login:
        """Log in as Ada and read the secret."""
        done = self._run(self.command("--command", QUERY), self.settings_of(ADA))
        return Login(done.stdout.strip(), done.stderr.strip())

    def stay(self) -> subprocess.Popen[str]:
        """A session of Ada's that does not end by itself, for as long as this lasts."""
        forever = f"{QUERY}; SELECT pg_sleep(600)"
        return subprocess.Popen(
            self.command("--command", forever),
            env={**tree.without_indent_settings(), **self.settings_of(ADA)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def _run(
        command: Sequence[str | Path], settings: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        environment = {**tree.without_indent_settings(), **settings}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)


@dataclass(frozen=True)
class Login:
    """What somebody got who logged in to read the secret."""

    read: str
    refused: str


def play(scene: Scene, database: Database, example: Path) -> None:
    say("1. A database with a secret. Ada has a password for it, and no access.")
    prepare(database)
    expect_refused(shown(database))

    say("2. An endpoint that changes the database, and which calls the server makes to it.")
    with endpoint(scene, database, example):
        say(f"3. Ada needs to read it for {LASTS_SECONDS} seconds. Nobody has approved that yet.")
        petition = ask(scene)
        expect_refused(shown(database))

        say("4. It is approved.")
        approved = time.monotonic()
        run(scene, "petition", "approve", petition)
        until_told(scene, petition, ("granted", "applied"))
        expect_accepted(shown(database))

        say("5. She stays in, with a session that is open when the time is over.")
        stayed = until_put_out(database, approved)
        until_told(scene, petition, ("closed", "ended"))
        expect_over(database, stayed)


def prepare(database: Database) -> None:
    """What the example's setup.sql says, a role to get, and a login that may not log in."""
    password = f"password={database.passwords['indent_endpoint']}"
    database.administer("--set", password, "--file", EXAMPLE / "setup.sql")
    for statement in (
        "CREATE TABLE secrets (word text)",
        f"INSERT INTO secrets VALUES ('{WORD}')",
        f"CREATE ROLE {ROLE} NOLOGIN",
        f"GRANT SELECT ON secrets TO {ROLE}",
        f"COMMENT ON ROLE {ROLE} IS 'Read the secrets'",
        f"GRANT {ROLE} TO indent_endpoint WITH ADMIN OPTION",
        f"""CREATE ROLE "{ADA}" NOLOGIN PASSWORD '{database.passwords[ADA]}'""",
        f'GRANT indent_people TO "{ADA}"',
    ):
        database.administer("--command", statement)
    if int(database.administer("--command", "SHOW server_version_num")) >= 160000:
        grant = f'GRANT "{ADA}" TO indent_endpoint WITH ADMIN OPTION'
        database.administer("--command", grant)


@contextlib.contextmanager
def endpoint(scene: Scene, database: Database, example: Path) -> Generator[None, None, None]:
    """The example's endpoint, and a webhook with a policy that calls it for roles."""
    command = [scene.python, "endpoint.py"]
    settings = database.settings_of("indent_endpoint")
    with endpoint_server.running(command, example, settings, heard) as started:
        secret = scene.folder / "webhook.secret"
        secret.touch(mode=0o600)
        secret.write_text(started.secret)
        create = ["--url", started.url, "--secret-file", secret]
        run(scene, "webhook", "create", "postgres", *create, quiet=True)
        run(scene, "webhook", "test", "postgres")
        condition = 'resource.kind == "postgres-role"'
        policy = ["--webhook", "postgres", "--condition", condition]
        run(scene, "webhook", "policy", "create", "roles", *policy)
        yield


def heard(line: str) -> None:
    print(f"  (the endpoint) {line}", flush=True)


def ask(scene: Scene) -> str:
    """Ask for Ada; the name of the petition."""
    what = ["--for", ADA, "--resource", f"postgres-role:{ROLE}", "--duration", f"{LASTS_SECONDS}s"]
    return run(scene, "petition", "create", "--reason", "to look", *what, asks=True).strip()


# ---- what is seen ----


def run(scene: Scene, *arguments: str | Path, asks: bool = False, quiet: bool = False) -> str:
    """Run the CLI and show it; quietly, where it prints a secret."""
    words = [str(word) for word in arguments]
    print(f"$ indent {' '.join(quoted(word) for word in words)}", flush=True)
    said = scene.indent(*arguments, asks=asks)
    for line in [] if quiet else said.splitlines():
        print(f"  {line}", flush=True)
    return said


def quoted(word: str) -> str:
    return f"'{word}'" if " " in word else word


def shown(database: Database) -> Login:
    """Log in as Ada, and show it."""
    login = database.log_in()
    print(f'$ psql --username {ADA} --command "{QUERY}"', flush=True)
    print(f"  {login.read or login.refused.splitlines()[-1]}", flush=True)
    return login


def until_told(scene: Scene, petition: str, want: tuple[str, str]) -> None:
    """Wait until the petition, and the webhook of it, are where they should be."""
    deadline = time.monotonic() + LATE_SECONDS
    while (seen := standing(scene, petition)) != want:
        if time.monotonic() > deadline:
            raise NotAsPromised(f"the petition and its webhook are {seen}, not {want}")
        time.sleep(0.1)


def standing(scene: Scene, petition: str) -> tuple[str, str]:
    shown = json.loads(scene.indent("petition", "show", petition, "--json"))
    status = shown["state"]["status"]
    told = [one["state"] for one in status.get("webhooks", [])]
    return status["phase"], ", ".join(told)


def until_put_out(database: Database, approved: float) -> float:
    """Keep a session open until it is ended; the seconds since the approval."""
    with database.stay() as session:
        try:
            _, said = session.communicate(timeout=LASTS_SECONDS + LATE_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise NotAsPromised("a session that was open at the end goes on") from error
        finally:
            processes.end_group(session)
    seconds = time.monotonic() - approved
    if "terminating connection" not in said:
        raise NotAsPromised(f"the session was not ended by the revoke, it says: {said}")
    print(f"  {said.splitlines()[0]}", flush=True)
    print(f"  {seconds:.1f} seconds after the approval", flush=True)
    return seconds


# ---- what was promised ----


REFUSALS = ("is not permitted to log in", "password authentication failed")


def expect_refused(login: Login) -> None:
    """Refused for what she may; a database that cannot be reached refuses nobody."""
    if login.read or not any(why in login.refused for why in REFUSALS):
        raise NotAsPromised(f"Ada, who has no access, got {login}")


def expect_accepted(login: Login) -> None:
    if login.read != WORD:
        raise NotAsPromised(f"Ada, who has access, got {login}")


def expect_over(database: Database, stayed: float) -> None:
    expect_in_time(stayed)
    expect_refused(shown(database))
    expect_nothing_left(database.administer("--command", LEFT))
    print(f"  her login is closed, and she is no member of {ROLE}", flush=True)


def expect_nothing_left(answer: str) -> None:
    """That a password has run out, as VALID UNTIL said at the beginning, is no revoke."""
    if answer != "f|f":
        raise NotAsPromised(f"may Ada log in, and is she a member of {ROLE}: {answer}, not f|f")


def expect_in_time(stayed: float) -> None:
    if not LASTS_SECONDS <= stayed <= LASTS_SECONDS + LATE_SECONDS:
        raise NotAsPromised(f"access that lasts {LASTS_SECONDS} s ended after {stayed:.1f} s")


if __name__ == "__main__":
    sys.exit(tree.until_stopped(main))
