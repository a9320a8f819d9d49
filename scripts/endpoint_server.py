"""An example of an endpoint for a while: it says where it listens, and is stopped at the end."""

from __future__ import annotations

import contextlib
import queue
import re
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
    process: subprocess.Popen[str]


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    folder: Path,
    env: Mapping[str, str],
    heard: Callable[[str], None],
) -> Generator[Running, None, None]:
    """Start it in its folder on a free port; each line that it says, the first too, is heard."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**env, "PORT": "0"},
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
        yield Running(found[1], process)
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
