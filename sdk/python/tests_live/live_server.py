"""A real server for the tests: `indent dev` on a free port, in a folder of its own.

It can be killed in the middle of anything, and started again on the same address and data.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from indentapi import IndentAPI

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 30


class LiveServer:
    """One server. `start` again after `kill` or `stop` finds what was there."""

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self._folder = folder
        self._data = folder / "data"
        self._address = "127.0.0.1:0"
        self._process: subprocess.Popen[str] | None = None

    @property
    def requester(self) -> dict[str, str]:
        """Settings of the service account that asks."""
        return read_env(self._data / "dev.env")

    @property
    def reviewer(self) -> dict[str, str]:
        """Settings of the owner, who decides."""
        return read_env(self._data / "reviewer.env")

    def client(self, environ: Mapping[str, str]) -> IndentAPI:
        return IndentAPI(
            environ["INDENT_SPACE"], environ["INDENT_API_TOKEN"], api_url=environ["INDENT_API_URL"]
        )

    def start(self) -> None:
        with (self._folder / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    binary(),
                    *("dev", "--json"),
                    *("--addr", self._address),
                    *("--data-dir", str(self._data)),
                ],
                cwd=self._folder,
                env={k: v for k, v in os.environ.items() if not k.startswith("INDENT_")},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout
        self.url = json.loads(self._first_line(self._process.stdout))["url"]
        self._address = self.url.removeprefix("http://")

    def kill(self) -> None:
        """As the power going out (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As an operator does it (SIGTERM)."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self._process:
            self._process.send_signal(number)
            self._process.communicate(timeout=START_SECONDS)
            self._process = None

    def _first_line(self, stdout: IO[str]) -> str:
        timer = threading.Timer(START_SECONDS, self.kill)
        timer.start()
        try:
            line = stdout.readline()
        finally:
            timer.cancel()
        log = (self._folder / "server.log").read_text()
        assert line, f"the server did not start within {START_SECONDS} s:\n{log[-4000:]}"
        return line


def binary() -> str:
    """The server: bin/indent, or what INDENT_TEST_BINARY names."""
    path = os.environ.get("INDENT_TEST_BINARY") or str(ROOT / "bin" / "indent")
    assert os.access(path, os.X_OK), f"there is no {path}: `make build` makes it"
    return path


def read_env(path: Path) -> dict[str, str]:
    """The settings in a file that the server wrote; nobody else may read it."""
    assert path.stat().st_mode & 0o077 == 0, f"{path} holds a token and others can read it"
    lines = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name: value for name, _, value in lines}
