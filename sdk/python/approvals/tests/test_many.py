"""Many approvals at once in one event loop, with the client and a server behind a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

import anyio
import pytest
from approvals import (
    Approval,
    ApprovalDenied,
    ApprovalError,
    ApprovalEvent,
    ApprovalTimeout,
    ApprovalUnavailable,
    approval,
)
from fake_indent import SPACE, TOKEN, FakeIndent
from indentapi import AsyncIndentAPI

DOOR = [{"kind": "door", "id": "front"}]
MANY = 60
PATIENCE = 60
"""Seconds after which a test gives up; none of them waits for it."""


@pytest.fixture
def server(fake: FakeIndent, monkeypatch: pytest.MonkeyPatch) -> Generator[FakeIndent]:
    """A server, and the environment that leads to it."""
    with fake.serve() as server:
        monkeypatch.setenv("INDENT_SPACE", SPACE)
        monkeypatch.setenv("INDENT_API_TOKEN", TOKEN)
        monkeypatch.setenv("INDENT_API_URL", server.url)
        yield server


class Crowd:
    """Approvals that are awaited at once."""

    def __init__(self, server: FakeIndent) -> None:
        self.server = server
        self.granted: list[str] = []
        self.failed: list[BaseException] = []
        self.asked = 0
        self.shared = anyio.Event()
        """Set when all are asked for and the server is waited at by a stream."""

    @contextlib.asynccontextmanager
    async def waiting(self, many: int = MANY) -> AsyncGenerator[None]:
        """Inside, all wait; it ends when all have come to an end."""
        async with anyio.create_task_group() as group:
            for n in range(many):
                group.start_soon(self._one, f"number {n}")
            with anyio.fail_after(PATIENCE):
                while self.asked < many or not self.streams():
                    await anyio.sleep(0.01)
            yield

    def streams(self) -> list[list[str]]:
        return [r.body["names"] for r in self.server.requests if r.path.endswith(":wait")]

    async def _one(self, reason: str) -> None:
        try:
            made = await approval(reason=reason, resources=DOOR, timeout=None, on_event=self._count)
            assert made.reason == reason, "each is told of its own"
            self.granted.append(made.name)
        except ApprovalError as error:
            self.failed.append(error)

    def _count(self, event: ApprovalEvent) -> None:
        self.asked += event.kind == "requested"


@pytest.mark.anyio
async def test_all_are_granted_over_a_few_connections(server: FakeIndent) -> None:
    crowd = Crowd(server)
    async with crowd.waiting():
        for name in list(server.petitions):
            await anyio.to_thread.run_sync(server.decide, name, "access/approve")
    assert sorted(crowd.granted) == sorted(server.petitions)
    assert len(crowd.granted) == MANY
    assert server.most_connections <= 20


@pytest.mark.anyio
async def test_a_server_without_streams(server: FakeIndent) -> None:
    server.streams = False
    crowd = Crowd(server)
    async with crowd.waiting():
        for name in list(server.petitions):
            await anyio.to_thread.run_sync(server.decide, name, "access/approve")
    assert sorted(crowd.granted) == sorted(server.petitions)
    assert len(crowd.granted) == MANY


@pytest.mark.anyio
async def test_denied_withdrawn_and_granted_are_told_apart(server: FakeIndent) -> None:
    crowd = Crowd(server)
    async with crowd.waiting():
        for n, name in enumerate(list(server.petitions)):
            event = "access/approve" if n % 2 else "access/deny"
            await anyio.to_thread.run_sync(server.decide, name, event)
    phases = {n: p["state"]["status"]["phase"] for n, p in server.petitions.items()}
    assert sorted(crowd.granted) == sorted(n for n, phase in phases.items() if phase == "granted")
    assert [type(e) for e in crowd.failed] == [ApprovalDenied] * (MANY // 2)


@pytest.mark.anyio
async def test_a_break_in_the_middle(fake: FakeIndent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDENT_SPACE", SPACE)
    monkeypatch.setenv("INDENT_API_TOKEN", TOKEN)
    crowd = Crowd(fake)
    with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
        first.enter_context(fake.serve())
        port = int(fake.url.rpartition(":")[2])
        monkeypatch.setenv("INDENT_API_URL", fake.url)
        async with crowd.waiting():
            await anyio.to_thread.run_sync(first.close)
            fake.hang_up()
            before = len(crowd.streams())
            assert not crowd.granted
            second.enter_context(fake.serve(port))
            while len(crowd.streams()) == before:
                await anyio.sleep(0.01)
            for name in list(fake.petitions):
                await anyio.to_thread.run_sync(fake.decide, name, "access/approve")
    assert sorted(crowd.granted) == sorted(fake.petitions)
    assert len(crowd.granted) == MANY, "none is lost, none is doubled"


@pytest.mark.anyio
async def test_a_token_that_ends_in_the_middle(server: FakeIndent) -> None:
    crowd = Crowd(server)
    async with crowd.waiting(20):
        server.on_any = lambda request: (401, "unauthenticated")
        server.hang_up()
    assert crowd.granted == []
    assert [type(e) for e in crowd.failed] == [ApprovalUnavailable] * 20
    assert all("401" in str(e) for e in crowd.failed)


@pytest.mark.anyio
async def test_who_has_no_time_left_leaves_and_the_others_wait_on(server: FakeIndent) -> None:
    """Whoever of them reads the stream for the others."""

    async def short() -> None:
        with pytest.raises(ApprovalTimeout):
            await approval(reason="short", resources=DOOR, timeout=0.5, quiet=True)

    crowd = Crowd(server)
    async with crowd.waiting(10):
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(short)
        for name, petition in list(server.petitions.items()):
            if petition["reason"] != "short":
                await anyio.to_thread.run_sync(server.decide, name, "access/approve")
    assert len(crowd.granted) == 10


Cancel = Callable[[Awaitable[Approval], Awaitable[None]], Awaitable[None]]


async def _cancelled(waiting: Awaitable[Approval], turn: Awaitable[None]) -> None:
    task = asyncio.ensure_future(waiting)
    await turn
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _waited_for(waiting: Awaitable[Approval], turn: Awaitable[None]) -> None:
    task = asyncio.ensure_future(waiting)
    await turn
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(task, 0.01)


async def _in_a_scope(waiting: Awaitable[Approval], turn: Awaitable[None]) -> None:
    async with anyio.create_task_group() as group:

        async def cancel() -> None:
            await turn
            group.cancel_scope.cancel()

        group.start_soon(cancel)
        await waiting


@pytest.mark.parametrize("cancel", [_cancelled, _waited_for, _in_a_scope])
def test_cancelling_in_every_way_of_asyncio(server: FakeIndent, cancel: Cancel) -> None:
    """One after the other, and so also who reads the stream for the others."""

    async def turn(n: int) -> None:
        while not any(r.path.endswith(":wait") for r in server.requests):
            await asyncio.sleep(0.01)
        await asyncio.sleep(n / 50)

    async def main() -> None:
        stays = [asyncio.create_task(_asked("stays")) for _ in range(3)]
        leaves = [cancel(_asked("leaves"), turn(n)) for n in range(10)]
        await asyncio.gather(*leaves)
        for name, petition in list(server.petitions.items()):
            if petition["reason"] == "stays":
                await asyncio.to_thread(server.decide, name, "access/approve")
        assert {a.reason for a in await asyncio.gather(*stays)} == {"stays"}
        assert asyncio.all_tasks() == {asyncio.current_task()}, "no task is left"

    asyncio.run(main(), debug=True)
    gc.collect()


async def _asked(reason: str) -> Approval:
    return await approval(reason=reason, resources=DOOR, timeout=None, quiet=True)


def test_a_program_that_ends_in_the_middle(server: FakeIndent) -> None:
    """`asyncio.run` cancels what still waits; nothing stays behind, and no warning is given."""

    async def main() -> None:
        waiting = [asyncio.create_task(_asked("x")) for _ in range(10)]
        while not any(r.path.endswith(":wait") for r in server.requests):
            await asyncio.sleep(0.01)
        assert not any(w.done() for w in waiting)

    asyncio.run(main(), debug=True)
    gc.collect()


def test_an_exception_of_ones_own_passes_unchanged(server: FakeIndent) -> None:
    class Mine(BaseException):
        pass

    def on_event(event: ApprovalEvent) -> None:
        raise Mine

    async def main() -> None:
        with pytest.raises(Mine):
            await approval(reason="x", resources=DOOR, on_event=on_event)

    asyncio.run(main())


@pytest.mark.anyio
async def test_a_client_of_ones_own_is_shared_among_its_own_approvals(server: FakeIndent) -> None:
    names: list[str] = []
    async with AsyncIndentAPI() as client, anyio.create_task_group() as group:

        async def one() -> None:
            made = await approval(
                reason="x", resources=DOOR, timeout=None, quiet=True, client=client
            )
            names.append(made.name)

        for _ in range(10):
            group.start_soon(one)
        while len(server.petitions) < 10:
            await anyio.sleep(0.01)
        for name in list(server.petitions):
            await anyio.to_thread.run_sync(server.decide, name, "access/approve")
    assert sorted(names) == sorted(server.petitions)


@pytest.mark.anyio
async def test_loops_in_several_threads_do_not_meet(server: FakeIndent) -> None:
    def loop() -> None:
        async def main() -> list[Approval]:
            return await asyncio.gather(*(_asked("x") for _ in range(8)))

        granted.extend(a.name for a in asyncio.run(main()))

    granted: list[str] = []
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(anyio.to_thread.run_sync, loop)
        while len(server.petitions) < 24:
            await anyio.sleep(0.01)
        for name in list(server.petitions):
            await anyio.to_thread.run_sync(server.decide, name, "access/approve")
    assert sorted(granted) == sorted(server.petitions)
