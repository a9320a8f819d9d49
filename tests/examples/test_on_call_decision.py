"""examples/on-call-decision: the real program, with the package as somebody installs it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import endpoints
import pytest
import servers
from endpoints import EXAMPLES, ROOT, Endpoint

ADA = {"id": "ada@example.com", "kind": "user"}
BOB = {"id": "bob@example.com", "kind": "user"}
PRODUCTION = {"id": "production", "kind": "environment"}


def shift(who: str, begins: float, ends: float, *things: dict[str, str]) -> dict[str, Any]:
    """A shift from so many hours from now to so many."""
    now = datetime.now(timezone.utc)
    times = [(now + timedelta(hours=h)).isoformat() for h in (begins, ends)]
    return {
        "who": who,
        "from": times[0],
        "until": times[1],
        "for": [*things] or [PRODUCTION],
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example beside the package, which `make test` has built."""
    copy = tmp_path_factory.mktemp("on-call")
    shutil.copytree(EXAMPLES / "on-call-decision", copy, dirs_exist_ok=True)
    package = ROOT / "sdk/js/api"
    assert (package / "dist").is_dir(), "build the package: npm run build, in sdk/js/api"
    (copy / "node_modules/@indent").mkdir(parents=True)
    os.symlink(package, copy / "node_modules/@indent/api")
    return copy


@pytest.fixture
def schedule(tmp_path: Path) -> Path:
    return tmp_path / "schedule.json"


@pytest.fixture
def endpoint(folder: Path, schedule: Path) -> Iterator[Endpoint]:
    with endpoints.running(["node", "endpoint.mjs"], folder, SCHEDULE=str(schedule)) as running:
        yield running


def decided(endpoint: Endpoint, *resources: dict[str, str], actor: Any = ADA) -> list[Any]:
    """The claims of the answer to a petition of the actor for the resources."""
    asked = {"event": "access/request", "actor": actor, "resources": [*resources]}
    status, answer = endpoint.call({"events": [asked]})
    assert (status, answer["status"]["code"]) == (200, 0), answer
    return answer["claims"]


def on_call(schedule: Path, *shifts: dict[str, Any]) -> None:
    schedule.write_text(json.dumps({"shifts": [*shifts]}))


def test_indent_webhook_test_finds_nothing_wrong(endpoint: Endpoint, schedule: Path) -> None:
    on_call(schedule, shift("ada@example.com", -1, 1))
    assert "✓ GetDecision: It works: the endpoint leaves the decision to people." in (
        endpoints.explained(endpoint)
    )


def test_who_is_on_call_is_approved(endpoint: Endpoint, schedule: Path) -> None:
    now = shift("ada@example.com", -1, 1)
    on_call(schedule, shift("bob@example.com", -9, -1), now)
    claims = decided(endpoint, ADA, PRODUCTION)
    assert claims == [{"event": "access/approve", "reason": f"on call until {now['until']}"}]
    assert endpoint.lines[-1] == 'approved "production" for "ada@example.com"'


def test_the_schedule_of_the_example_is_one_that_is_read(
    endpoint: Endpoint, schedule: Path
) -> None:
    shutil.copy(EXAMPLES / "on-call-decision/schedule.json", schedule)
    assert decided(endpoint, BOB, PRODUCTION, actor=BOB) == []


def test_others_are_left_to_people(endpoint: Endpoint, schedule: Path) -> None:
    on_call(
        schedule,
        shift("ada@example.com", -2, -1),
        shift("ada@example.com", 1, 2),
        shift("ada@example.com", -1, 1, {"id": "staging", "kind": "environment"}),
        shift("ada@example.com", -1, 1, {"id": "production", "kind": "database"}),
        shift("bob@example.com", -1, 1),
    )
    assert decided(endpoint, ADA, PRODUCTION) == []
    # for somebody else, in somebody else's name, for several, for more than one thing, for nothing
    assert decided(endpoint, BOB, PRODUCTION, actor=ADA) == []
    assert decided(endpoint, ADA, PRODUCTION, actor=BOB) == []
    assert decided(endpoint, BOB, ADA, PRODUCTION, actor=BOB) == []
    assert decided(endpoint, BOB, PRODUCTION, PRODUCTION, actor=BOB) == []
    assert decided(endpoint, BOB, actor=BOB) == []
    assert decided(endpoint, BOB, PRODUCTION, actor=None) == []
    assert len(decided(endpoint, BOB, PRODUCTION, actor=BOB)) == 1


def test_a_request_that_is_missing_is_left_to_people(endpoint: Endpoint, schedule: Path) -> None:
    on_call(schedule, shift("ada@example.com", -1, 1))
    other = {"event": "access/approve", "actor": ADA, "resources": [ADA, PRODUCTION]}
    _, answer = endpoint.call({"events": [other]})
    assert answer["claims"] == []


def test_a_schedule_that_cannot_be_read_decides_nothing(endpoint: Endpoint, schedule: Path) -> None:
    good = shift("ada@example.com", -1, 1)
    bad = [
        None,
        "",
        "{",
        "[]",
        json.dumps({"shifts": [{**good, "until": "tomorrow"}]}),
        json.dumps({"shifts": [{**good, "from": "soon", "who": "bob@example.com"}, good]}),
        json.dumps({"shifts": [{**good, "for": None}]}),
    ]
    for text in bad:
        if text is not None:
            schedule.write_text(text)
        asked = {
            "event": "access/request",
            "actor": ADA,
            "resources": [ADA, PRODUCTION],
        }
        status, answer = endpoint.call({"events": [asked]})
        assert (status, answer["status"]["code"]) == (500, 2), text
        assert "claims" not in answer
        assert str(schedule) not in str(answer)
    on_call(schedule, good)
    assert len(decided(endpoint, ADA, PRODUCTION)) == 1, "it is read anew at each call"


def test_it_does_nothing_else(endpoint: Endpoint, schedule: Path) -> None:
    on_call(schedule, shift("ada@example.com", -1, 1))
    assert endpoint.grant("ada@example.com", PRODUCTION) == 12
    assert endpoint.call({"kinds": []})[1]["status"]["code"] == 12
    asked = {"event": "access/request", "actor": ADA, "resources": [ADA, PRODUCTION]}
    assert endpoint.call({"events": [asked]}, secret="whsec_" + "A" * 43 + "=")[0] == 401


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Space]:
    with servers.running(tmp_path_factory.mktemp("server")) as space:
        yield space


def test_a_real_server_asks_it(
    space: servers.Space, endpoint: Endpoint, schedule: Path, tmp_path: Path
) -> None:
    space.webhook("on-call", endpoint, tmp_path)
    space.indent("service-account", "create", "on-call-bot", "--role", "Editor")
    policy = ["create", "on-call", "--webhook", "on-call", "--call", "GetDecision"]
    space.indent("webhook", "policy", *policy, "--service-account", "on-call-bot")

    def asked() -> Any:
        what = [
            "--reason",
            "to look at an alarm",
            "--resource",
            "environment:production",
        ]
        return space.indent("petition", "create", *what, asking=True)["name"]

    def undecided(name: str) -> Any:
        history = space.petition(name)["state"]["eventHistory"]
        return [e["reason"] for e in history if e["event"] == "webhook/undecided"]

    on_call(schedule, shift("quickstart", -1, 1))
    first = asked()
    servers.until(
        "granted",
        lambda: space.petition(first)["state"]["status"]["phase"] == "granted",
    )
    (claim,) = space.petition(first)["state"]["claims"]
    assert claim["actor"]["id"] == "on-call-bot"
    assert claim["reason"].startswith("on call until ")

    on_call(schedule)
    second = asked()
    assert servers.until("left to people", lambda: undecided(second)) == [
        "it leaves the decision to people"
    ]
    assert space.petition(second)["state"]["status"]["phase"] == "open"

    attempts = space.indent("webhook", "deliveries", "on-call")
    assert [(a["kind"], a["petition"], a["outcome"]) for a in attempts] == [
        ("GetDecision", second, "ok"),
        ("GetDecision", first, "ok"),
    ]
