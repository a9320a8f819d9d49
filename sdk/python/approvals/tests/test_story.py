"""How an approval goes, on virtual time: what is said when, what returns and what raises."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from approvals import (
    Approval,
    ApprovalDenied,
    ApprovalError,
    ApprovalExpired,
    ApprovalMismatch,
    ApprovalRevoked,
    ApprovalTimeout,
    ApprovalUnavailable,
    ApprovalWithdrawn,
)
from approvals._asked import Asked, asked, complete
from approvals._story import Create, Look, Outcome, Story, Tell, Terms, asking, resuming
from fake_indent import OWNER, SPACE, TOKEN, FakeIndent
from indentapi import APIConnectionError, IndentAPI, IndentError, InternalServerError

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
AWAY = APIConnectionError("the server is away", sent=False)
ASKED = asked(
    None,
    reason="why",
    resources=[{"kind": "action", "id": "x"}],
    petitioners=[{"email": "Ada@acmecorp.example"}],
    params={"n": 1},
)


class World:
    """A fake server, a clock that only the waiting moves, and what happens at which second."""

    def __init__(self, fake: FakeIndent) -> None:
        self.fake = fake
        self.seconds = 0.0
        self.lines: list[str] = []
        self.looks: list[float] = []
        self.away = False
        self._client = IndentAPI(SPACE, TOKEN, transport=fake.transport(), max_retries=0)
        self._planned: list[tuple[float, Callable[[str], object]]] = []

    def at(self, seconds: float, happening: Callable[[str], object]) -> None:
        """At this second this happens to the petition."""
        self._planned.append((seconds, happening))
        self._planned.sort(key=lambda planned: planned[0])

    def ask(
        self, asked: Asked = ASKED, *, timeout: float | None = 10, key: str | None = None
    ) -> Approval:
        return self._run(asking(complete(asked), key, self._terms(timeout)))

    def resume(
        self, name: str, *, timeout: float | None = 10, asked: Asked | None = None
    ) -> Approval:
        return self._run(resuming(name, asked or Asked(), self._terms(timeout)))

    @property
    def name(self) -> str:
        return next(iter(self.fake.petitions))

    def _terms(self, timeout: float | None) -> Terms:
        return Terms(SPACE, timeout, lambda: self.seconds, lambda: NOW)

    def _run(self, story: Story) -> Approval:
        self._start = self.seconds
        outcome: Outcome = None
        while True:
            try:
                outcome = self._do(story.send(outcome))
            except StopIteration as done:
                return done.value

    def _do(self, step: Create | Look | Tell) -> Outcome:
        if isinstance(step, Tell):
            self.lines.append(step.event.message.replace(self.name, "<name>"))
            assert step.event.elapsed == self.seconds - self._start
            return None
        try:
            if isinstance(step, Create):
                return self._client.petition.create(
                    **vars(step.asked), idempotency_key=step.idempotency_key
                )
            return self._look(step)
        except IndentError as error:
            return error

    def _look(self, look: Look) -> Outcome:
        """What `petition.wait` does, and how long it takes."""
        self.looks.append(look.seconds)
        end = self.seconds + look.seconds
        while self._planned and self._planned[0][0] <= end:
            self.seconds, happening = self._planned.pop(0)
            happening(look.name)
            if not self.away and self._phase(look.name) != "open":
                break
        else:
            self.seconds = end
        return AWAY if self.away else self._client.petition.get(look.name)

    def _phase(self, name: str) -> str:
        return self.fake.petitions[name]["state"]["status"]["phase"]


@pytest.fixture
def world(fake: FakeIndent) -> World:
    return World(fake)


REQUESTED = "⏵ Requested approval #acmecorp/<name>"


def test_the_quickstart(world: World) -> None:
    world.at(9, world.fake.grant)
    granted = world.ask()
    assert world.lines == [
        REQUESTED,
        "↳ Waiting for approval... (2s elapsed)",
        "↳ Waiting for approval... (4s elapsed)",
        "↳ Waiting for approval... (8s elapsed)",
        "✅ Granted",
    ]
    assert world.looks == [2, 2, 4, 2]
    assert granted.name == granted["name"] == world.name
    assert (granted.space, granted.reason, granted.params) == ("acmecorp", "why", {"n": 1})


def test_a_decision_is_noticed_when_it_is_made(world: World) -> None:
    world.at(2.5, world.fake.grant)
    world.ask()
    assert world.seconds == 2.5


def test_what_a_rule_grants_needs_no_wait(world: World) -> None:
    world.fake.on_create = world.fake.grant
    granted = world.ask(timeout=0)
    assert world.lines == [REQUESTED, "✅ Granted"]
    assert world.looks == []
    assert granted.reviewer == ""


def test_an_approval_has_names_for_what_matters(world: World) -> None:
    world.at(1, lambda name: world.fake.decide(name, "access/approve"))
    granted = world.ask()
    assert granted.reviewer == OWNER["id"]
    assert granted.expires == datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
    assert granted.digest.startswith("sha256:")
    assert granted.resources[0]["id"] == "x"
    assert dict(granted) == granted.petition
    assert len(granted) == len(granted.petition)
    assert repr(granted).startswith("<Approval #acmecorp/")


def test_for_ever_is_for_ever(world: World) -> None:
    world.at(100_000, world.fake.grant)
    world.ask(timeout=None)
    assert world.lines[-2] == "↳ Waiting for approval... (65536s elapsed)"
    assert len(world.lines) == 2 + 16


def test_a_denial_says_who_and_why(world: World) -> None:
    world.at(3, lambda name: world.fake.decide(name, "access/deny", reason="not \x1b[31m today"))
    with pytest.raises(ApprovalDenied, match=r"was denied by you@acmecorp\.example: not") as raised:
        world.ask()
    error = raised.value
    assert (error.reviewer, error.reason) == (OWNER["id"], "not \x1b[31m today")
    assert "\x1b" not in str(error)
    assert world.lines[-1].startswith("❌ Denied by you@acmecorp.example: not")


def test_a_denial_by_a_deputy_says_for_whom(world: World) -> None:
    def deny(name: str) -> None:
        world.fake.decide(name, "access/deny", reason="no")
        world.fake.petitions[name]["state"]["decision"]["onBehalfOf"] = "ada@acmecorp.example"

    world.at(3, deny)
    by = "by you@acmecorp.example on behalf of ada@acmecorp.example"
    with pytest.raises(ApprovalDenied, match=f"was denied {by}: no"):
        world.ask()
    assert world.lines[-1] == f"❌ Denied {by}: no"


def test_a_denial_by_rule(world: World) -> None:
    def deny(name: str) -> None:
        world.fake.petitions[name]["state"]["verdict"] = {"explanation": "never on Fridays"}
        world.fake.set_phase(name, "closed", "denied")

    world.fake.on_create = deny
    with pytest.raises(ApprovalDenied, match="denied by a rule: never on Fridays") as raised:
        world.ask()
    assert (raised.value.reviewer, raised.value.reason) == ("", "never on Fridays")
    assert world.lines[-1] == "❌ Denied: never on Fridays"


@pytest.mark.parametrize(
    ("phase", "outcome", "error", "line"),
    [
        ("closed", "withdrawn", ApprovalWithdrawn, "❌ Withdrawn"),
        ("closed", "expired", ApprovalExpired, "❌ Expired"),
        ("closed", "ended", ApprovalExpired, "❌ Expired"),
        ("revoked", "", ApprovalExpired, "❌ Expired"),
        ("closed", "revoked", ApprovalRevoked, "❌ Revoked"),
    ],
)
def test_other_ends(
    world: World, phase: str, outcome: str, error: type[ApprovalError], line: str
) -> None:
    world.at(1, lambda name: world.fake.set_phase(name, phase, outcome))
    with pytest.raises(error):
        world.ask()
    assert world.lines == [REQUESTED, line]


def test_revoked_before_it_was_used(world: World) -> None:
    def revoke(name: str) -> None:
        world.fake.decide(name, "access/revoke", reason="mistake")
        world.fake.set_phase(name, "revoked")

    world.at(1, revoke)
    with pytest.raises(ApprovalRevoked, match=r"revoked by you@.*: mistake") as raised:
        world.ask()
    assert isinstance(raised.value, ApprovalDenied)


def test_no_decision_is_no_approval_and_can_be_waited_for_again(world: World) -> None:
    with pytest.raises(ApprovalTimeout, match=r"within 10 seconds.*resume\(\"") as raised:
        world.ask()
    assert world.seconds == 10
    assert world.lines[-2:] == ["↳ Waiting for approval... (8s elapsed)", "⌛ Not decided yet"]
    assert raised.value.petition["state"]["status"]["phase"] == "open"
    world.lines.clear()
    world.at(13, world.fake.grant)
    assert world.resume(world.name).name == world.name
    assert world.lines == [
        "⏵ Resumed approval #acmecorp/<name>",
        "↳ Waiting for approval... (2s elapsed)",
        "✅ Granted",
    ]


def test_resume_looks_at_least_once(world: World) -> None:
    with pytest.raises(ApprovalTimeout):
        world.ask(timeout=0)
    world.fake.grant(world.name)
    assert world.resume(world.name, timeout=0)


def test_a_server_that_goes_away_and_comes_back_brings_the_decision(world: World) -> None:
    world.at(1, lambda _: setattr(world, "away", True))
    world.at(3, world.fake.grant)
    world.at(5, lambda _: setattr(world, "away", False))
    assert world.ask()
    assert world.seconds == 5
    assert world.lines[1:-1] == [
        "↳ Waiting for approval... (2s elapsed)",
        "↳ Waiting for approval... (4s elapsed)",
    ]


def test_a_server_that_stays_away_is_no_approval(world: World) -> None:
    world.at(1, lambda _: setattr(world, "away", True))
    with pytest.raises(ApprovalTimeout, match="could not be asked at the end") as raised:
        world.ask()
    assert raised.value.__cause__ is AWAY


def test_resume_waits_for_a_server_that_is_away(world: World) -> None:
    with pytest.raises(ApprovalTimeout):
        world.ask(timeout=0)
    world.fake.grant(world.name)
    world.away = True
    world.at(3, lambda _: setattr(world, "away", False))
    assert world.resume(world.name)
    world.away = True
    with pytest.raises(ApprovalUnavailable, match="the server is away") as raised:
        world.resume(world.name)
    assert raised.value.petition is None


@pytest.mark.parametrize("status", [401, 403, 404, 400])
def test_a_refusal_while_waiting_ends_it(world: World, status: int) -> None:
    world.at(3, lambda _: world.fake.fail(status))
    with pytest.raises(ApprovalUnavailable) as raised:
        world.ask()
    assert raised.value.petition
    assert world.seconds == 4


@pytest.mark.parametrize("status", [400, 401, 403, 409, 413, 429, 500, 503])
def test_a_refusal_of_the_asking_is_no_approval(world: World, status: int) -> None:
    world.fake.fail(status)
    with pytest.raises(ApprovalUnavailable, match=f"made to fail with {status}") as raised:
        world.ask()
    assert raised.value.petition is None
    assert isinstance(raised.value.__cause__, IndentError)


def test_the_same_key_waits_for_the_same_petition(world: World) -> None:
    with pytest.raises(ApprovalTimeout):
        world.ask(key="once", timeout=0)
    world.fake.grant(world.name)
    assert world.ask(key="once").name == world.name
    other = asked(None, reason="other", resources=[{"id": "x"}])
    with pytest.raises(ApprovalUnavailable, match="idempotency key"):
        world.ask(other, key="once")


# ---- nothing but a granted petition, and that for what was asked ----


@pytest.mark.parametrize(
    "change",
    [
        {"name": "11111111-2222-3333-4444-555555555555"},
        {"spaceName": "othercorp"},
        {"digest": "sha256:other"},
        {"reason": "another"},
        {"params": {"n": 2}},
        {"params": {"n": True}},
        {"params": {"n": 1, "more": 1}},
        {"params": None},
        {"petitioners": []},
        {"petitioners": [{"id": "somebody", "email": "else@acmecorp.example"}]},
        {"resources": []},
        {"resources": [{"kind": "action", "id": "y"}]},
        {"resources": [{"kind": "action", "id": "x"}, {"kind": "action", "id": "y"}]},
    ],
)
def test_what_came_back_must_be_what_was_asked(world: World, change: dict[str, Any]) -> None:
    def swap(name: str) -> None:
        world.fake.grant(name)
        world.fake.petitions[name] |= change

    world.at(3, swap)
    with pytest.raises(ApprovalMismatch, match="it is not this"):
        world.ask()
    assert "✅ Granted" not in world.lines


def test_params_that_nobody_sent_are_a_mismatch(world: World) -> None:
    def add(name: str) -> None:
        world.fake.petitions[name]["params"] = {"n": 1}

    world.fake.on_create = add
    with pytest.raises(ApprovalMismatch, match="none were sent"):
        world.ask(asked(None, reason="why", resources=[{"id": "x"}]))


def test_resume_holds_the_petition_against_what_is_about_to_be_done(world: World) -> None:
    with pytest.raises(ApprovalTimeout):
        world.ask(timeout=0)
    world.fake.grant(world.name)
    assert world.resume(world.name, asked=ASKED)
    for other in (
        {"params": {"n": 2}},
        {"reason": "other"},
        {"resources": [{"kind": "action", "id": "z"}]},
    ):
        with pytest.raises(ApprovalMismatch):
            world.resume(world.name, asked=asked(other, reason=None, resources=None, params=None))


@pytest.mark.parametrize(
    ("grant", "error"),
    [
        ({"startTime": "x", "endTime": "2026-01-31T12:00:00Z"}, ApprovalExpired),
        ({"startTime": "x", "endTime": "2026-01-31T11:59:59.999999999Z"}, ApprovalExpired),
        ({"startTime": "x", "endTime": "tomorrow"}, ApprovalUnavailable),
        ({"startTime": "x", "endTime": "2026-13-01T00:00:00Z"}, ApprovalUnavailable),
        ({"startTime": "x", "endTime": 5}, ApprovalUnavailable),
        (None, ApprovalUnavailable),
    ],
)
def test_a_grant_must_be_in_force(world: World, grant: Any, error: type[ApprovalError]) -> None:
    def give(name: str) -> None:
        world.fake.grant(name)
        world.fake.petitions[name]["state"]["grant"] = grant

    world.at(1, give)
    with pytest.raises(error):
        world.ask()


def test_a_grant_without_an_end_is_in_force(world: World) -> None:
    def give(name: str) -> None:
        world.fake.grant(name)
        del world.fake.petitions[name]["state"]["grant"]["endTime"]

    world.at(1, give)
    assert world.ask().expires is None


STATUSES: list[Any] = ["granted", "closed", "revoked", "approved", "Granted", "", None, 1, {}, []]
OUTCOMES: list[Any] = [None, "", "granted", "denied", "withdrawn", "expired", "revoked", "ended", 7]
BEGUN = {"startTime": "2026-01-31T12:00:00Z"}
GRANTS: list[Any] = [None, {}, [], "", BEGUN, BEGUN | {"endTime": "9999-01-01T00:00:00Z"}]


@pytest.mark.parametrize("phase", STATUSES)
def test_nothing_but_granted_returns(world: World, phase: Any) -> None:
    for outcome, grant in itertools.product(OUTCOMES, GRANTS):
        status = {"phase": phase, "outcome": outcome}
        state = {"status": status, "grant": grant}
        world.fake.on_create = lambda name, state=state: world.fake.petitions[name].update(
            state={"claims": [], **state}
        )
        good = phase == "granted" and bool(grant) and outcome != 7
        try:
            assert world.ask(timeout=0)
            assert good, status
        except ApprovalError:
            assert not good, status
        world.fake.petitions.clear()


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"<html>", b"{}", b"true", b'"granted"'])
def test_a_malformed_answer_is_no_approval(world: World, body: bytes) -> None:
    world.at(1, lambda _: world.fake.answer(body))
    with pytest.raises(ApprovalUnavailable):
        world.ask()
    world.fake.answer(body)
    with pytest.raises(ApprovalUnavailable):
        world.ask()


def test_a_failure_of_the_server_is_waited_out(world: World) -> None:
    world.at(1, lambda _: world.fake.fail(500))
    world.at(7, world.fake.grant)
    assert world.ask()
    assert isinstance(InternalServerError("x", status=500).temporary, bool)


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_a_timeout_is_a_number_of_seconds(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        Terms(SPACE, timeout)


def test_the_clocks_are_real_by_default() -> None:
    terms = Terms(SPACE, 1)
    assert terms.clock() <= terms.clock()
    assert abs(terms.now() - datetime.now(timezone.utc)) < timedelta(minutes=1)
