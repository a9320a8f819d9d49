"""The examples, run as a user runs them: `python example.py`, with the settings in `.env`."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from indentapi import IndentAPI
from live_server import ROOT, LiveServer

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Example:
    """A running example and the lines that its terminal shows."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self._process = process

    def line(self) -> str:
        """The next line."""
        assert self._process.stdout
        self.lines.append(self._process.stdout.readline().rstrip("\n"))
        return self.lines[-1]

    def requested(self) -> str:
        """The name of the petition, once it is asked for."""
        found = re.fullmatch(rf"⏵ Requested approval #acmecorp/({UUID})", self.line())
        assert found, self.lines
        return found[1]

    def rest(self) -> list[str]:
        """The other lines, to the end."""
        assert self._process.stdout
        rest = self._process.stdout.read().splitlines()
        self.lines += rest
        return rest

    def code(self) -> int:
        return self._process.wait(30)


@pytest.fixture
def folder(server: LiveServer, tmp_path: Path) -> Path:
    """The user's folder."""
    (tmp_path / ".env").write_text("".join(f"{k}={v}\n" for k, v in server.requester.items()))
    return tmp_path


@contextlib.contextmanager
def running(folder: Path, name: str, *arguments: str, **environ: str) -> Generator[Example]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("INDENT_")}
    with subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        cwd=folder,
        env=clean | {"PYTHONUTF8": "1", **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    ) as process:
        try:
            yield Example(process)
        finally:
            process.kill()


def test_the_quickstart_shows_what_it_promises(folder: Path, reviewer: IndentAPI) -> None:
    with running(folder, "reset_password.py", USER="123", REASON="to recover account") as example:
        name = example.requested()
        assert example.line() == "↳ Waiting for approval... (2s elapsed)"
        petition = reviewer.petition.get(name)
        assert petition["reason"] == "to recover account"
        assert petition["resources"][0]["displayName"] == "Reset Password (user:123)"
        reviewer.petition.approve(petition)
        assert example.rest() == ["✅ Granted", "done: password reset user:123"]
        assert example.code() == 0


def test_a_denial_is_an_exception_and_the_line_below_never_runs(
    folder: Path, reviewer: IndentAPI
) -> None:
    with running(folder, "reset_password.py", USER="123", REASON="to recover account") as example:
        reviewer.petition.deny(example.requested(), reason="not without a ticket")
        rest = example.rest()
        assert rest[0] == "❌ Denied by you@acmecorp.example: not without a ticket"
        assert re.match(r"approvals\.errors\.ApprovalDenied: #acmecorp/.* was denied by", rest[-1])
        assert not any("done" in line for line in rest)
        assert example.code() == 1


def test_the_quickstart_of_the_api(folder: Path, server: LiveServer, reviewer: IndentAPI) -> None:
    with running(folder, "request_prod.py") as example:
        (line,) = example.rest()
        found = re.fullmatch(rf"Requested: {server.url}/access/acmecorp/({UUID})", line)
        assert found, line
        assert example.code() == 0
    (production,) = reviewer.petition.get(found[1])["resources"]
    assert production["displayName"] == "Production"


def test_an_agents_tool(folder: Path, reviewer: IndentAPI) -> None:
    arguments = ("agent_tool.py", "refund", '{"order": "A-1001", "cents": 2500}')
    with running(folder, *arguments) as example:
        petition = reviewer.petition.get(example.requested())
        assert petition.get("params") == {"order": "A-1001", "cents": 2500}
        reviewer.petition.approve(petition)
        assert last(example.rest()) == "refunded 2500 cents of order A-1001"
    with running(folder, *arguments) as example:
        reviewer.petition.deny(example.requested(), reason="ask for the receipt first")
        assert last(example.rest()) == "Denied by you@acmecorp.example: ask for the receipt first"
        assert example.code() == 0, "the agent reads it and goes on"


def test_a_guarded_function(folder: Path, reviewer: IndentAPI) -> None:
    with running(folder, "guarded_function.py", "api", "3.2.1") as example:
        petition = reviewer.petition.get(example.requested())
        assert petition["reason"] == "deploy api 3.2.1"
        assert petition.get("params") == {"service": "api", "version": "3.2.1"}
        reviewer.petition.approve(petition)
        assert last(example.rest()) == "done: deployed api 3.2.1"


def test_to_go_on_in_another_process(folder: Path, reviewer: IndentAPI) -> None:
    names: list[str] = []
    for _ in range(2):
        with running(folder, "resume_later.py", "ask") as example:
            names.append(last(example.rest()))
    assert names[0] == names[1], "asked again, it is the same petition"
    reviewer.petition.approve(names[0])
    with running(folder, "resume_later.py", "go", names[0]) as example:
        assert last(example.rest()) == "done: report made, approved by you@acmecorp.example"


def last(lines: list[str]) -> str:
    found: Iterator[str] = reversed(lines)
    return next(found)
