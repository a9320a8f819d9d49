"""An example as a process of its own, and calls to it that are signed as the server signs them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import endpoint_server

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


class Endpoint:
    """An example that listens, and what it has said so far."""

    def __init__(self, started: endpoint_server.Running, lines: list[str]) -> None:
        self.url = started.url
        self.secret = started.secret
        self.lines = lines
        self._process = started.process

    def call(self, body: object, *, secret: str = "", id: str = "") -> tuple[int, dict[str, Any]]:
        """Make one call; the HTTP status, and the answer."""
        text = json.dumps(body).encode()
        stamp, id = str(int(time.time())), id or f"msg_{secrets.token_hex(8)}"
        key = base64.b64decode((secret or self.secret).removeprefix("whsec_"))
        mac = hmac.new(key, f"{id}.{stamp}.".encode() + text, hashlib.sha256).digest()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": stamp,
            "webhook-signature": "v1," + base64.b64encode(mac).decode(),
        }
        request = urllib.request.Request(self.url, text, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def grant(self, user: str, target: Mapping[str, Any], expires: str = "") -> int:
        """The code of the answer to a grant."""
        labels = {"indent.com/time/expires": expires} if expires else {}
        return self._apply("access/grant", user, target, labels)

    def revoke(self, user: str, target: Mapping[str, Any]) -> int:
        return self._apply("access/revoke", user, target, {})

    def _apply(
        self, command: str, user: str, target: Mapping[str, Any], labels: Mapping[str, str]
    ) -> int:
        resources = [{"id": user, "kind": "user"}, target]
        asked = {"event": "access/request", "resources": resources}
        event = {"event": command, "resources": resources, "meta": {"labels": labels}}
        status, answer = self.call({"events": [asked, event]})
        code = answer["status"]["code"]
        assert status == (500 if code else 200), answer
        return code

    def state(self, user: str, target: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to GetState, less its status, which is good."""
        status, answer = self.call({"state": {"resources": [{"id": user}, target]}})
        assert (status, answer.pop("status")) == (200, {"code": 0}), answer
        return answer

    def has(self, user: str, target: Mapping[str, Any]) -> bool:
        return self.state(user, target)["access"]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], folder: Path, **settings: str
) -> Generator[Endpoint, None, None]:
    """Start an example in its folder, on a free port; stop it at the end as an operator does."""
    lines: list[str] = []
    with endpoint_server.running(command, folder, settings, lines.append) as started:
        yield Endpoint(started, lines)


def explained(endpoint: Endpoint) -> str:
    """What `indent webhook test` says of it, which must end well."""
    done = subprocess.run(
        [ROOT / "bin/indent", "webhook", "test", endpoint.url],
        env={"PATH": os.environ["PATH"], "INDENT_WEBHOOK_SECRET": endpoint.secret},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
