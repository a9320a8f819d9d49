"""examples/postgres-access: the real endpoint and a real PostgreSQL, seen by people who log in."""

from __future__ import annotations

import contextlib
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import access_database
import endpoint_server
import endpoints
import pg8000.native
import pytest
import servers
from access_database import FOLDER, PASSWORD, Database, DatabaseError
from endpoints import Endpoint


def role(name: str) -> dict[str, str]:
    return {"id": name, "kind": "postgres-role"}


READER = role("access_reader")


def soon(**after: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(**after)).isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """A server of its own, as roles are a whole server's. The tests use names of their own."""
    with access_database.prepared() as made:
        yield made


@pytest.fixture(scope="module")
def start(database: Database) -> Callable[[], contextlib.AbstractContextManager[Endpoint]]:
    return lambda: access_database.endpoint(database)


@pytest.fixture(scope="module")
def endpoint(
    start: Callable[[], contextlib.AbstractContextManager[Endpoint]],
) -> Iterator[Endpoint]:
    with start() as running:
        yield running


@pytest.fixture
def ada(database: Database) -> str:
    """Somebody with a password, who has nothing."""
    name = f"ada-{secrets.token_hex(4)}@example.com"
    database.person(name)
    return name


def test_indent_webhook_test_finds_nothing_wrong(endpoint: Endpoint) -> None:
    said = endpoints.explained(endpoint)
    assert "✓ GetInfo" in said
    assert "it knows no such user or resource" in said


def test_access_begins_and_ends(endpoint: Endpoint, database: Database, ada: str) -> None:
    assert "is not permitted to log in" in database.logs_in(ada)
    assert endpoint.state(ada, READER) == {"access": False}
    assert endpoint.grant(ada, READER, expires := soon(hours=1)) == 0
    assert database.reads(ada)
    state = endpoint.state(ada, READER)
    assert state["access"]
    assert abs(instant(state["expireTime"]) - instant(expires)) < timedelta(milliseconds=1)
    assert endpoint.revoke(ada, READER) == 0
    assert "is not permitted to log in" in database.logs_in(ada)
    assert endpoint.state(ada, READER) == {"access": False}
    assert f"granted access_reader to {ada} until {instant(expires):%H:%M:%S}" in endpoint.lines
    assert f"revoked access_reader from {ada}" in endpoint.lines


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_postgres_ends_a_password_by_itself(
    endpoint: Endpoint, database: Database, ada: str
) -> None:
    """Should the revoke never come, nobody logs in past the end."""
    assert endpoint.grant(ada, READER, soon(seconds=2)) == 0
    assert database.logs_in(ada) == "yes"
    database.ask("SELECT pg_sleep(2.1)")
    assert "password authentication failed" in database.logs_in(ada)
    # and it is no proof that nothing is left to take away
    assert endpoint.has(ada, READER)
    assert endpoint.revoke(ada, READER) == 0
    assert not endpoint.has(ada, READER)


def test_a_grant_without_end_has_none(endpoint: Endpoint, database: Database, ada: str) -> None:
    assert endpoint.grant(ada, READER) == 0
    assert endpoint.state(ada, READER) == {"access": True}
    assert database.reads(ada)


def test_a_call_twice_is_a_call_once(endpoint: Endpoint, database: Database, ada: str) -> None:
    ends = soon(hours=1)
    assert [endpoint.grant(ada, READER, ends) for _ in range(3)] == [0, 0, 0]
    members = "SELECT count(*) FROM pg_auth_members WHERE member = CAST(:who AS regrole)"
    who = pg8000.native.identifier(ada)
    assert database.ask(members, who=who) == [[2]]  # indent_people and the role
    assert [endpoint.revoke(ada, READER) for _ in range(3)] == [0, 0, 0]
    assert database.ask(members, who=who) == [[1]]


def test_a_revoke_before_its_grant_changes_nothing(endpoint: Endpoint, database: Database) -> None:
    nobody = f"nobody-{secrets.token_hex(4)}@example.com"
    assert endpoint.revoke(nobody, READER) == 0
    assert database.ask("SELECT 1 FROM pg_roles WHERE rolname = :n", n=nobody) == []


def test_a_login_that_is_missing_is_made(endpoint: Endpoint, database: Database) -> None:
    new = f"New-{secrets.token_hex(4)}@Example.com"
    assert endpoint.grant(new, READER, soon(hours=1)) == 0
    [[can, password]] = database.ask(
        "SELECT rolcanlogin, rolpassword IS NULL FROM pg_authid WHERE rolname = :n", n=new.lower()
    )
    assert (can, password) == (True, True)
    # whatever the spelling, it is one person
    assert endpoint.has(new.upper(), READER)
    assert endpoint.revoke(new.lower(), READER) == 0
    assert not endpoint.has(new, READER)


def test_sessions_end_with_access_and_those_of_others_do_not(
    endpoint: Endpoint, database: Database, ada: str
) -> None:
    bob = ada.replace("ada", "bob")
    database.person(bob)
    for who in (ada, bob):
        assert endpoint.grant(who, READER, soon(hours=1)) == 0
    hers = [database.connect(ada, PASSWORD) for _ in range(8)]
    his = database.connect(bob, PASSWORD)
    hers[0].run('SET ROLE "access_reader"')
    assert endpoint.revoke(ada, READER) == 0
    for session in hers:
        with pytest.raises((DatabaseError, pg8000.native.InterfaceError)):
            session.run("SELECT word FROM secrets")
        with contextlib.suppress(pg8000.native.InterfaceError):
            session.close()
    assert his.run("SELECT word FROM secrets") == [["sesame"]]
    his.close()


def test_one_role_ends_and_another_stays(endpoint: Endpoint, database: Database, ada: str) -> None:
    writer = role("access_writer")
    assert endpoint.grant(ada, writer, soon(hours=2)) == 0
    assert endpoint.grant(ada, READER, soon(hours=1)) == 0
    # the login lasts as long as the longest, so its end is not that of the reader
    assert endpoint.state(ada, READER) == {"access": True}
    assert endpoint.revoke(ada, READER) == 0
    assert database.logs_in(ada) == "yes"
    assert not database.reads(ada)
    assert (endpoint.has(ada, READER), endpoint.has(ada, writer)) == (False, True)
    assert endpoint.revoke(ada, writer) == 0
    assert database.logs_in(ada) != "yes"


def test_the_end_that_is_told_last_holds(endpoint: Endpoint, ada: str) -> None:
    """The server tells another end when a longer grant of the same is revoked, or extended."""
    for ends in (soon(hours=2), soon(hours=1), soon(hours=3)):
        assert endpoint.grant(ada, READER, ends) == 0
        told = instant(endpoint.state(ada, READER)["expireTime"])
        assert abs(told - instant(ends)) < timedelta(seconds=1)


def test_an_earlier_end_of_one_role_does_not_shorten_another(
    endpoint: Endpoint, database: Database, ada: str
) -> None:
    assert endpoint.grant(ada, role("access_writer"), soon(hours=2)) == 0
    assert endpoint.grant(ada, READER, soon(hours=1)) == 0
    [[hours]] = database.ask(
        "SELECT round(extract(epoch FROM rolvaliduntil - now()) / 3600) FROM pg_roles"
        " WHERE rolname = :n",
        n=ada,
    )
    assert hours == 2


def test_a_grant_that_has_ended_is_refused(
    endpoint: Endpoint, database: Database, ada: str
) -> None:
    assert endpoint.grant(ada, READER, soon(seconds=-1)) == 9
    assert database.logs_in(ada) != "yes"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("access_no_such", 5),
        ("admin_reader", 7),  # no prefix
        ("access_root", 7),  # a superuser
        ("access_ladder", 7),  # becomes one
        ("access_shell", 7),  # runs programs on the server
        ("indent_people", 7),
        ("", 5),
        ("access_\0reader", 5),
        ("access_reader" + "x" * 60, 5),
        ('access_reader" TO "x', 5),
        ("access_reader; DROP TABLE secrets; --", 5),
        ("access_reader, access_writer", 5),
        ("ACCESS_READER", 7),
    ],
)
def test_other_roles_are_not_to_be_had(
    endpoint: Endpoint, database: Database, ada: str, name: str, code: int
) -> None:
    assert endpoint.grant(ada, role(name), soon(hours=1)) == code
    assert database.logs_in(ada) != "yes"
    assert database.ask("SELECT count(*) FROM secrets") == [[1]]


def test_somebody_elses_login_is_no_role(endpoint: Endpoint, ada: str) -> None:
    """A login may begin as a role does: whoever got it would have all that its person has."""
    eve = f"access_eve-{secrets.token_hex(4)}@example.com"
    assert endpoint.grant(eve, READER, soon(hours=1)) == 0
    assert endpoint.grant(ada, role(eve), soon(hours=1)) == 7
    _, answer = endpoint.call({"kinds": ["postgres-role"]})
    assert eve not in [r["id"] for r in answer["resources"]]


@pytest.mark.parametrize(
    "name",
    [
        """o'brien"@example.com""",
        """x"; DROP TABLE secrets; --@example.com""",
        """x' VALID UNTIL 'infinity' SUPERUSER --@example.com""",
        "%I%L%s@example.com",
        ":login$1\\@example.com",
        "größe-日本@example.com",
        "superuser@" + "x" * 53,
    ],
)
def test_hostile_names_are_names(endpoint: Endpoint, database: Database, name: str) -> None:
    assert endpoint.grant(name, READER, soon(hours=1)) == 0
    rows = database.ask(
        "SELECT rolsuper, rolcanlogin, rolvaliduntil < 'infinity' FROM pg_roles WHERE rolname = :n",
        n=name.lower(),
    )
    assert rows == [[False, True, True]]
    assert endpoint.has(name, READER)
    assert endpoint.revoke(name, READER) == 0
    assert not endpoint.has(name, READER)
    assert database.ask("SELECT count(*) FROM secrets") == [[1]]
    assert not any("\n" in line for line in endpoint.lines)


@pytest.mark.parametrize(
    "name",
    ["", "ada", "a\nb@example.com", "a\0@example.com", "\u202ea@example.com", "x" * 60 + "@x.com"],
)
def test_who_has_no_address_is_nobody(endpoint: Endpoint, name: str) -> None:
    assert endpoint.grant(name, READER, soon(hours=1)) == 5
    assert endpoint.revoke(name, READER) == 5


def test_two_long_names_are_not_one_person(endpoint: Endpoint) -> None:
    """PostgreSQL itself would cut both to the same 63 bytes."""
    base = "x" * 63
    assert endpoint.grant(f"{base}1@example.com", READER) == 5
    assert endpoint.grant(f"{base}2@example.com", READER) == 5


def test_logins_that_are_not_peoples_are_left_alone(endpoint: Endpoint, database: Database) -> None:
    service = f"backend-{secrets.token_hex(4)}@service"
    root = f"root-{secrets.token_hex(4)}@example.com"
    database.do(
        f"""CREATE ROLE "{service}" LOGIN PASSWORD '{PASSWORD}'""",
        f"""CREATE ROLE "{root}" SUPERUSER LOGIN PASSWORD '{PASSWORD}' IN ROLE indent_people""",
    )
    for name in (service, root):
        assert endpoint.grant(name, READER, soon(hours=1)) == 9
        session = database.connect(name, PASSWORD)
        # the service has nothing to take away; a superuser has everything, and not from here
        assert endpoint.revoke(name, READER) == (0 if name == service else 9)
        assert session.run("SELECT 1") == [[1]]
        session.close()
        assert database.logs_in(name) == "yes"


def test_access_by_somebody_else_is_not_said_to_be_gone(
    endpoint: Endpoint, database: Database, ada: str
) -> None:
    database.do(
        "CREATE ROLE access_indirect NOLOGIN",
        "CREATE ROLE team NOLOGIN IN ROLE access_indirect",
        "GRANT access_indirect TO indent_endpoint WITH ADMIN OPTION",
        f'ALTER ROLE "{ada}" LOGIN',
        f'GRANT team TO "{ada}"',
    )
    assert endpoint.has(ada, role("access_indirect"))
    assert endpoint.revoke(ada, role("access_indirect")) == 9
    # of the role that the endpoint gives no more, because the prefix has changed, neither
    database.do(f'GRANT admin_reader TO "{ada}"')
    assert endpoint.revoke(ada, role("admin_reader")) == 9


def test_it_lists_what_can_be_asked_for(endpoint: Endpoint) -> None:
    status, answer = endpoint.call({"kinds": ["postgres-role"], "flags": {}})
    assert status == 200
    listed = {r["id"]: r for r in answer["resources"]}
    assert listed["access_reader"] == {**READER, "displayName": "Read the secrets"}
    assert listed["access_writer"] == {**role("access_writer"), "displayName": "access_writer"}
    forbidden = {"access_root", "access_ladder", "access_shell", "admin_reader", "indent_people"}
    assert not forbidden & listed.keys()
    assert endpoint.call({"kinds": ["other"]})[1]["resources"] == []


def test_other_kinds_are_not_its_own(endpoint: Endpoint, ada: str) -> None:
    assert endpoint.grant(ada, {"id": "access_reader", "kind": "database"}) == 5


def test_calls_of_others_do_nothing(endpoint: Endpoint, database: Database, ada: str) -> None:
    event = {"event": "access/grant", "resources": [{"id": ada}, READER]}
    status, answer = endpoint.call({"events": [event]}, secret="whsec_" + "A" * 43 + "=")
    assert (status, answer["status"]["code"]) == (401, 16)
    assert database.logs_in(ada) != "yes"


def test_many_at_once_end_as_the_last_says(endpoint: Endpoint, database: Database) -> None:
    """Grants of both roles to one who is not there yet, all at the same time, and revokes."""
    new = f"new-{secrets.token_hex(4)}@example.com"
    both = [READER, role("access_writer")]
    barrier = threading.Barrier(16)

    def grant(number: int) -> int:
        barrier.wait(30)
        return endpoint.grant(new, both[number % 2], soon(hours=1))

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(grant, range(16))) == [0] * 16
        assert all(endpoint.has(new, one) for one in both)
        assert list(pool.map(lambda n: endpoint.revoke(new, both[n % 2]), range(16))) == [0] * 16
    assert not any(endpoint.has(new, one) for one in both)
    assert database.logs_in(new) != "yes"


def test_a_kill_in_the_middle_leaves_all_or_nothing(
    start: Callable[[], contextlib.AbstractContextManager[Endpoint]], database: Database
) -> None:
    new = f"new-{secrets.token_hex(4)}@example.com"
    lock = database.root()
    lock.run("SELECT pg_advisory_lock(hashtextextended(:n, 0))", n=new)
    with start() as endpoint, ThreadPoolExecutor(1) as pool:
        call = pool.submit(endpoint.grant, new, READER, soon(hours=1))
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while database.ask(waiting) == [[0]]:
            assert not call.done()
        endpoint.kill()
        assert isinstance(call.exception(), OSError)
    lock.close()
    with start() as endpoint:
        assert not endpoint.has(new, READER)
        assert endpoint.grant(new, READER, soon(hours=1)) == 0
        assert endpoint.has(new, READER)


def test_without_a_database_it_does_not_start(database: Database) -> None:
    wrong = {"PGHOST": database.host, "PGPORT": str(database.port), "PGUSER": "indent_endpoint"}
    with (
        pytest.raises(endpoint_server.DidNotStart, match="cannot start"),
        endpoints.running([sys.executable, "endpoint.py"], FOLDER, **wrong, PGPASSWORD="wrong"),
    ):
        pass


def test_a_database_that_goes_away_is_tried_again(database: Database, ada: str) -> None:
    settings = {"PGHOST": database.host, "PGPORT": str(database.port), "PGPASSWORD": PASSWORD}
    guest = f"guest_{secrets.token_hex(4)}"
    database.do(f"CREATE ROLE {guest} LOGIN PASSWORD '{PASSWORD}'")
    command = [sys.executable, "endpoint.py"]
    with endpoints.running(command, FOLDER, **settings, PGUSER=guest) as endpoint:
        # it may not: said, and not tried again
        assert endpoint.grant(ada, READER, soon(hours=1)) == 9
        database.do(f"ALTER ROLE {guest} NOLOGIN")
        status, answer = endpoint.call({"kinds": ["postgres-role"]})
        assert (status, answer["status"]["code"]) == (500, 2)
        assert PASSWORD not in str(answer) + str(endpoint.lines)


def test_a_real_server_reports_what_is_left_behind(
    endpoint: Endpoint, database: Database, ada: str, tmp_path: Path
) -> None:
    """What somebody grants by hand in PostgreSQL behind a revoke is found and told, and its end."""
    with servers.running(tmp_path) as space:
        space.webhook("postgres", endpoint, tmp_path)
        calls = ["--call", "ApplyUpdate", "--call", "GetState"]
        space.indent("webhook", "policy", "create", "roles", "--webhook", "postgres", *calls)

        def granted() -> str:
            asked = ["--reason", "to read", "--resource", "postgres-role:access_reader"]
            name = space.indent("petition", "create", *asked, "--for", ada, asking=True)["name"]
            space.indent("petition", "approve", name)
            servers.until("applied", lambda: told(name)["state"] == "applied")
            return name

        def told(name: str) -> Any:
            webhooks = space.petition(name)["state"]["status"].get("webhooks", [])
            return webhooks[0] if webhooks else {"state": ""}

        def log(name: str) -> list[str]:
            history = space.petition(name)["state"]["eventHistory"]
            return [e["event"] for e in history if e["event"].startswith("webhook/drift")]

        first = granted()
        assert database.reads(ada)
        space.indent("petition", "revoke", first)
        servers.until("the end is confirmed", lambda: told(first).get("confirmTime"))
        assert not log(first)

        second = granted()
        space.indent("petition", "revoke", second)
        servers.until("taken away", lambda: told(second)["state"] == "ended")
        login = pg8000.native.identifier(ada)
        database.do(f"GRANT access_reader TO {login}", f"ALTER ROLE {login} LOGIN")
        servers.until("drift is told", lambda: log(second) == ["webhook/drift"])
        assert told(second)["drift"] == "access"
        condition = space.indent("webhook", "show", "postgres")["condition"]
        assert condition["drifts"] >= 1
        assert condition["drifted"][0]["person"]["id"] == ada
