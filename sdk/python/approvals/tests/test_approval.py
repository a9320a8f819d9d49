"""`approval` and its twins, with the client and a server behind a real socket."""

from __future__ import annotations

import asyncio
import io
import pickle
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import anyio
import pytest
from approvals import (
    ApprovalDenied,
    ApprovalEvent,
    ApprovalTimeout,
    ApprovalUnavailable,
    Resource,
    approval,
    approval_sync,
    resume,
    resume_sync,
)
from fake_indent import SPACE, TOKEN, FakeIndent
from indentapi import APITimeoutError, AsyncIndentAPI, IndentAPI

DOOR = [Resource(kind="door", id="front")]


@pytest.fixture
def server(fake: FakeIndent, monkeypatch: pytest.MonkeyPatch) -> Generator[FakeIndent]:
    """A server, and the environment that leads to it."""
    with fake.serve() as server:
        monkeypatch.setenv("INDENT_SPACE", SPACE)
        monkeypatch.setenv("INDENT_API_TOKEN", TOKEN)
        monkeypatch.setenv("INDENT_API_URL", server.url)
        yield server


def in_a_moment(server: FakeIndent, event: str = "access/approve") -> None:
    """Decide every petition as soon as somebody waits for it."""
    park = server.on_wait

    def decide(name: str, seconds: float) -> None:
        threading.Thread(target=server.decide, args=(name, event)).start()
        park(name, seconds)

    server.on_wait = decide


@pytest.mark.anyio
async def test_awaited(server: FakeIndent, capfd: pytest.CaptureFixture[str]) -> None:
    in_a_moment(server)
    granted = await approval({"reason": "why", "resources": DOOR}, params={"n": 1})
    out, err = capfd.readouterr()
    assert out == "", "standard output belongs to the program"
    assert err == f"⏵ Requested approval #acmecorp/{granted.name}\n✅ Granted\n"
    assert (await resume(granted.name, quiet=True)).params == {"n": 1}


def test_blocking(server: FakeIndent, capfd: pytest.CaptureFixture[str]) -> None:
    in_a_moment(server, "access/deny")
    with pytest.raises(ApprovalDenied) as raised:
        approval_sync(reason="why", resources=DOOR)
    assert "❌ Denied by you@acmecorp.example" in capfd.readouterr().err
    with pytest.raises(ApprovalDenied):
        resume_sync(raised.value.petition["name"], quiet=True)
    assert capfd.readouterr().err == ""


@pytest.mark.anyio
async def test_a_timeout_in_real_time(server: FakeIndent) -> None:
    start = time.monotonic()
    with pytest.raises(ApprovalTimeout) as raised:
        await approval(reason="why", resources=DOOR, timeout=0.2, quiet=True)
    assert 0.2 <= time.monotonic() - start < 5
    name = raised.value.petition["name"]
    server.decide(name, "access/approve")
    assert (await resume(name, quiet=True)).name == name


def test_breaks_restarts_and_failures_while_waiting(server: FakeIndent) -> None:
    server.on_create = lambda _: (server.drop(2), server.fail(503), server.fail(429))
    in_a_moment(server)
    assert approval_sync(reason="why", resources=DOOR, quiet=True)
    assert len(server.petitions) == 1
    assert len(server.requests) == 1 + 4 + 1


@pytest.mark.anyio
async def test_a_server_that_hangs_does_not_hold_the_deadline(
    server: FakeIndent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends although the server answers nobody before it has: the test would hang."""
    monkeypatch.setattr("indentapi._wire.GRACE_SECONDS", 0.1)
    over = threading.Event()
    server.on_wait = lambda name, seconds: over.wait()
    try:
        with pytest.raises(ApprovalTimeout) as raised:
            await approval(reason="why", resources=DOOR, timeout=0.2, quiet=True)
        name = raised.value.petition["name"]
        async with AsyncIndentAPI() as indent:
            with pytest.raises(APITimeoutError):
                await indent.petition.wait(name, timeout=0.2)
    finally:
        over.set()


def test_cancelling_stops_waiting_at_once(server: FakeIndent) -> None:
    waits = threading.Event()
    park = server.on_wait
    server.on_wait = lambda name, seconds: (waits.set(), park(name, seconds))

    async def main() -> float:
        task = asyncio.create_task(approval(reason="why", resources=DOOR, timeout=None, quiet=True))
        await asyncio.to_thread(waits.wait)
        start = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - start

    assert asyncio.run(main()) < 1
    (petition,) = server.petitions.values()
    assert petition["state"]["status"]["phase"] == "open"
    in_a_moment(server)
    assert resume_sync(petition["name"], quiet=True)


def test_an_interrupt_passes_through(fake: FakeIndent) -> None:
    def interrupt(name: str, seconds: float) -> None:
        raise KeyboardInterrupt

    fake.on_wait = interrupt
    client = IndentAPI(SPACE, TOKEN, transport=fake.transport())
    with pytest.raises(KeyboardInterrupt):
        approval_sync(reason="why", resources=DOOR, client=client, quiet=True)


@pytest.mark.anyio
async def test_events_for_output_of_ones_own(
    server: FakeIndent, capfd: pytest.CaptureFixture[str]
) -> None:
    in_a_moment(server)
    seen: list[ApprovalEvent] = []

    async def on_event(event: ApprovalEvent) -> None:
        await anyio.sleep(0)
        seen.append(event)

    await approval(reason="why", resources=DOOR, on_event=on_event)
    assert [e.kind for e in seen] == ["requested", "granted"]
    assert seen[0].petition["state"]["status"]["phase"] == "open"
    assert capfd.readouterr().err == ""


def test_an_exception_from_on_event_ends_the_wait(server: FakeIndent) -> None:
    def on_event(event: ApprovalEvent) -> None:
        raise RuntimeError("my own")

    with pytest.raises(RuntimeError, match="my own"):
        approval_sync(reason="why", resources=DOOR, on_event=on_event)

    async def awaiting(event: ApprovalEvent) -> None: ...

    with pytest.raises(TypeError, match="cannot await"):
        approval_sync(reason="why", resources=DOOR, on_event=awaiting)


@pytest.mark.anyio
async def test_a_client_of_ones_own_is_left_open(fake: FakeIndent) -> None:
    fake.on_create = fake.grant
    async with AsyncIndentAPI(SPACE, TOKEN, transport=fake.transport()) as client:
        for _ in range(2):
            assert await approval(reason="why", resources=DOOR, client=client, quiet=True)


@pytest.mark.anyio
async def test_missing_configuration_says_what_to_do() -> None:
    with pytest.raises(ApprovalUnavailable, match="INDENT_SPACE and INDENT_API_TOKEN are not set"):
        await approval(reason="why", resources=DOOR)
    with pytest.raises(ApprovalUnavailable, match="/api-keys"):
        resume_sync("x")


def test_no_server_says_what_to_do(server: FakeIndent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDENT_API_URL", "http://127.0.0.1:9")  # the discard port: nobody is there
    monkeypatch.setattr("time.sleep", lambda _: None)  # pyright: ignore
    with pytest.raises(ApprovalUnavailable, match="indent dev") as raised:
        approval_sync(reason="why", resources=DOOR)
    assert TOKEN not in str(raised.value)


def test_configuration_from_a_file(
    server: FakeIndent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("INDENT_SPACE", "INDENT_API_TOKEN", "INDENT_API_URL"):
        monkeypatch.delenv(name)
    (tmp_path / ".env").write_text(
        f"INDENT_SPACE={SPACE}\nINDENT_API_TOKEN={TOKEN} # from {server.url}/api-keys\n"
        f"INDENT_API_URL={server.url}\n"
    )
    in_a_moment(server)
    assert approval_sync(reason="why", resources=DOOR, quiet=True)


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding: str) -> None:
        self.raw_bytes = io.BytesIO()
        super().__init__(self.raw_bytes, encoding=encoding, errors="strict", newline="\n")


@pytest.mark.parametrize(
    ("encoding", "sign"), [("ascii", "[OK]"), ("cp1252", "[OK]"), ("utf-8", "✅")]
)
def test_a_terminal_that_cannot_show_it_gets_plain_text(
    server: FakeIndent, monkeypatch: pytest.MonkeyPatch, encoding: str, sign: str
) -> None:
    in_a_moment(server)
    terminal = Terminal(encoding)
    monkeypatch.setattr(sys, "stderr", terminal)
    approval_sync(reason="why", resources=DOOR)
    lines = terminal.raw_bytes.getvalue().decode(encoding).splitlines()
    assert lines[0].endswith(f"Requested approval #acmecorp/{next(iter(server.petitions))}")
    assert lines[-1] == f"{sign} Granted"


def test_no_terminal_is_no_reason_to_fail(
    server: FakeIndent, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_moment(server)
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stderr", stream)
        assert approval_sync(reason="why", resources=DOOR)


def test_errors_reach_another_process_whole(server: FakeIndent) -> None:
    in_a_moment(server, "access/deny")
    with pytest.raises(ApprovalDenied) as raised:
        approval_sync(reason="why", resources=DOOR, quiet=True)
    there = pickle.loads(pickle.dumps(raised.value))
    assert (type(there), str(there), vars(there)) == (
        ApprovalDenied,
        str(raised.value),
        vars(raised.value),
    )
