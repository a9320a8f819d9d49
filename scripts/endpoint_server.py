"""An example of an endpoint for a while: it says where it listens, and is stopped at the end."""

from __future__ import annotations

import base64
import contextlib
import os
import queue
import re
import secrets
import subprocess
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import processes

START_SECONDS = 30


class DidNotStart(Exception):
    pass


@dataclass(frozen=True)
class Running:
    url: str
    secret: str
    """What its callers sign with."""
    process: subprocess.Popen[str]


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    folder: Path,
    settings: Mapping[str, str],
    heard: Callable[[str], None],
) -> Generator[Running, None, None]:
    """Start it in its folder on a free port, with a secret and the settings, and no other of ours.

    Each line that it says, the first too, is heard.
    """
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("INDENT_", "PG"))}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**clean, "INDENT_WEBHOOK_SECRETS": secret, **settings, "PORT": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    first: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process, first, heard), daemon=True)
    reader.start()
    try:
        try:
            said = first.get(timeout=START_SECONDS)
        except queue.Empty:
            said = "nothing"
        found = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+/)", said)
        if found is None:
            raise DidNotStart(f"the endpoint did not start, it says: {said}")
        yield Running(found[1], secret, process)
    finally:
        processes.end_group(process)
        reader.join(10)
        assert process.stdout
        process.stdout.close()


def _read(
    process: subprocess.Popen[str], first: queue.Queue[str], heard: Callable[[str], None]
) -> None:
    assert process.stdout
    for line in process.stdout:
        heard(line.rstrip("\n"))
        first.put(line.rstrip("\n"))
    first.put("nothing")
