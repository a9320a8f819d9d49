"""`approval` against a real server: the decision arrives, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from approvals import (
    Approval,
    ApprovalDenied,
    ApprovalEvent,
    ApprovalTimeout,
    ApprovalUnavailable,
    ApprovalWithdrawn,
    Resource,
    approval,
    approval_sync,
    resume,
    resume_sync,
)
from indentapi import APIConnectionError, ConflictError, IndentAPI, InternalServerError
from live_server import LiveServer

DOOR = [Resource(kind="door", id="front")]
PATIENCE = 60
"""Seconds after which a test gives up; none of them waits for it."""


class Waiting:
    """An `approval_sync` that waits in a thread of its own."""

    def __init__(self, client: IndentAPI, reason: str = "to open it") -> None:
        self.name = ""
        self._asked = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self.future: Future[Approval] = self._pool.submit(
            approval_sync,
            reason=reason,
            resources=DOOR,
            params={"n": 1},
            timeout=None,
            client=client,
            on_event=self._see,
        )
        assert self._asked.wait(PATIENCE)

    def result(self) -> Approval:
        return self.future.result(PATIENCE)

    def _see(self, event: ApprovalEvent) -> None:
        self.name = event.petition["name"]
        self._asked.set()


def test_granted(requester: IndentAPI, reviewer: IndentAPI) -> None:
    waiting = Waiting(requester)
    reviewer.petition.approve(reviewer.petition.get(waiting.name), duration="10m")
    granted = waiting.result()
    assert granted.reviewer == "you@acmecorp.example"
    assert granted.params == {"n": 1}
    assert granted.expires is not None
    reviewer.petition.revoke(waiting.name, reason="enough")
    with pytest.raises(ApprovalDenied, match=r"revoked by you@.*: enough"):
        resume_sync(waiting.name, client=requester, quiet=True)


def test_a_decision_is_noticed_when_it_is_made(requester: IndentAPI, reviewer: IndentAPI) -> None:
    waiting = Waiting(requester)
    reviewer.petition.approve(waiting.name)
    decided = time.monotonic()
    waiting.result()
    assert time.monotonic() - decided < 1.5, "sooner than the next sign of life"


def test_denied_and_withdrawn(requester: IndentAPI, reviewer: IndentAPI) -> None:
    waiting = Waiting(requester)
    reviewer.petition.deny(waiting.name, reason="not today")
    with pytest.raises(ApprovalDenied) as raised:
        waiting.result()
    assert (raised.value.reviewer, raised.value.reason) == ("you@acmecorp.example", "not today")
    with pytest.raises(ConflictError, match="denied by you@acmecorp"):
        reviewer.petition.approve(waiting.name)
    waiting = Waiting(requester)
    requester.petition.withdraw(waiting.name)
    with pytest.raises(ApprovalWithdrawn):
        waiting.result()


def test_a_timeout_leaves_the_petition_open(requester: IndentAPI, reviewer: IndentAPI) -> None:
    async def main() -> Approval:
        with pytest.raises(ApprovalTimeout) as raised:
            await approval(reason="to open it", resources=DOOR, timeout=0.05, quiet=True)
        name = raised.value.petition["name"]
        reviewer.petition.approve(name)
        return await resume(name, resources=DOOR, quiet=True)

    assert asyncio.run(main())


def test_refusals_are_no_approval(requester: IndentAPI) -> None:
    with pytest.raises(ApprovalUnavailable, match=r"petition\.reason"):
        approval_sync(reason="", resources=DOOR, client=requester)
    with pytest.raises(ApprovalUnavailable, match="404"):
        resume_sync("11111111-2222-4333-8444-555555555555", client=requester)
    with (
        IndentAPI("acmecorp", "ind_" + "0" * 38, api_url=requester.api_url) as stranger,
        pytest.raises(ApprovalUnavailable, match="401"),
    ):
        approval_sync(reason="why", resources=DOOR, client=stranger)


def test_cancelling_stops_at_once(requester: IndentAPI) -> None:
    async def main() -> float:
        asked = asyncio.Event()
        task = asyncio.create_task(
            approval(reason="why", resources=DOOR, timeout=None, on_event=lambda event: asked.set())
        )
        await asked.wait()
        start = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - start

    assert asyncio.run(main()) < 1


@pytest.mark.parametrize("end", [LiveServer.kill, LiveServer.stop], ids=["kill -9", "stop"])
def test_a_server_that_ends_and_comes_back_brings_the_decision(
    own_server: LiveServer, end: Callable[[LiveServer], None]
) -> None:
    with own_server.client(own_server.requester) as requester:
        waiting = [Waiting(requester, f"to open it, {n}") for n in range(8)]
        end(own_server)
        assert not any(w.future.done() for w in waiting), "nobody has decided"
        own_server.start()
        with own_server.client(own_server.reviewer) as reviewer:
            for n, w in enumerate(waiting):
                (reviewer.petition.approve if n % 2 else reviewer.petition.deny)(w.name)
            for n, w in enumerate(waiting):
                if n % 2:
                    assert w.result().name == w.name
                else:
                    with pytest.raises(ApprovalDenied):
                        w.result()
            assert len(reviewer.petition.list()) == len(waiting), "no petition was doubled"


def test_a_decision_that_was_answered_survives_the_power_going_out(own_server: LiveServer) -> None:
    with own_server.client(own_server.requester) as requester:
        waiting = Waiting(requester)
        with own_server.client(own_server.reviewer) as reviewer:
            claim = reviewer.petition.approve(waiting.name)
        own_server.kill()
        own_server.start()
        assert waiting.result().name == waiting.name
        assert [c["id"] for c in requester.claim.list(waiting.name)] == [claim["id"]]


def test_the_same_key_in_a_new_process_waits_for_the_same_petition(own_server: LiveServer) -> None:
    def ask(timeout: float | None) -> Approval:
        with own_server.client(own_server.requester) as client:
            return approval_sync(
                reason="why",
                resources=DOOR,
                idempotency_key="once",
                timeout=timeout,
                client=client,
                quiet=True,
            )

    with pytest.raises(ApprovalTimeout) as raised:
        ask(0)
    own_server.kill()
    own_server.start()
    with own_server.client(own_server.reviewer) as reviewer:
        reviewer.petition.approve(raised.value.petition)
    assert ask(None).name == raised.value.petition["name"]


def test_events_across_a_restart(own_server: LiveServer) -> None:
    with own_server.client(own_server.requester) as requester:
        first = requester.petition.create(reason="first", resources=DOOR)
        with requester.event.stream(event="access/request") as events:
            following = ThreadPoolExecutor(1).submit(lambda: [next(events) for _ in range(3)])
            names: list[str] = []
            while not events.last_event_id:  # it begins with what comes after it stands
                names.append(requester.petition.create(reason="more", resources=DOOR)["name"])
            own_server.kill()
            own_server.start()
            while not following.done():
                names.append(requester.petition.create(reason="more", resources=DOOR)["name"])
            seen = [e["meta"]["labels"]["petition"] for e in following.result(PATIENCE)]
    assert first["name"] not in seen
    start = names.index(seen[0])
    assert seen == names[start : start + 3], "none is missing, none is doubled"


def test_no_petition_is_lost_or_doubled_while_the_server_is_killed(own_server: LiveServer) -> None:
    asked = [f"number {n}" for n in range(60)]

    def ask(reason: str) -> str:
        while True:  # a program that insists: the key makes it the same petition
            with contextlib.suppress(APIConnectionError, InternalServerError):
                return requester.petition.create(
                    reason=reason, resources=DOOR, idempotency_key=reason.replace(" ", "-")
                )["name"]

    with (
        own_server.client(own_server.requester) as requester,
        ThreadPoolExecutor(4) as pool,
    ):
        asking = [pool.submit(ask, reason) for reason in asked]
        for middle in asking[::12]:
            middle.result()
            own_server.kill()
            own_server.start()
        names = [a.result() for a in asking]
        there = {p["reason"]: p["name"] for p in requester.petition.list(ascending=True)}
        assert there == dict(zip(asked, names, strict=True))
        events = requester.event.list(event="access/request")
        assert sorted(e["meta"]["labels"]["petition"] for e in events) == sorted(names)
