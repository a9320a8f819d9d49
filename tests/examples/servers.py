"""A real server, and what an Editor does with an example's endpoint on it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import dev_server
import tree
from endpoints import ROOT, Endpoint


class Space:
    """The space of a development server, by the CLI."""

    def __init__(self, server: dev_server.DevServer) -> None:
        self._server = server

    def indent(self, *arguments: str | Path, asking: bool = False) -> Any:
        """Run a command as an Owner, or as the account that asks; what it answers."""
        who = self._server.asker if asking else self._server.reviewer
        done = subprocess.run(
            [ROOT / "bin/indent", *arguments, "--json"],
            env={**tree.without_indent_settings(), **who},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def webhook(self, name: str, endpoint: Endpoint, folder: Path) -> None:
        """Make a webhook that calls the endpoint."""
        secret = folder / f"{name}.secret"
        secret.write_text(endpoint.secret)
        self.indent("webhook", "create", name, "--url", endpoint.url, "--secret-file", secret)

    def petition(self, name: str) -> Any:
        return self.indent("petition", "show", name)


@contextlib.contextmanager
def running(folder: Path) -> Generator[Space, None, None]:
    with dev_server.running(folder) as server:
        yield Space(server)


def until(what: str, holds: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait for what the server does by itself; what holds answers then."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"it never came to: {what}"
        time.sleep(0.1)
    return found
