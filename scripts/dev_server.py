"""A server for a while: `bin/indent dev` on a free port, with its data in a scratch folder."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import processes
import tree


@dataclass(frozen=True)
class DevServer:
    url: str
    asker: Mapping[str, str]
    """Settings (INDENT_API_URL, …) of the service account `quickstart`, which asks."""
    reviewer: Mapping[str, str]
    """The same with the token of a second identity, which decides."""
    data: Path
    """Where the server keeps its data; dev.env and reviewer.env lie there."""
    log: Path


class DidNotStart(Exception):
    pass


@contextlib.contextmanager
def running(folder: Path, seconds: float = 30) -> Generator[DevServer, None, None]:
    """Start the server with its data in the folder, stop it at the end, whatever happens."""
    data, log, answer = folder / "data", folder / "server.log", folder / "server.json"
    binary = tree.ROOT / "bin/indent"
    command = [binary, "dev", "--addr", "127.0.0.1:0", "--data-dir", data, "--json"]
    try:
        with answer.open("wb") as out, log.open("wb") as err:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=tree.without_indent_settings(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
    except OSError as error:
        raise DidNotStart(f"{error}\nBuild it with: make build") from error
    try:
        told = _first_line(process, answer, log, seconds)
        yield DevServer(
            url=str(told["url"]),
            asker=read_env(data / "dev.env"),
            reviewer=read_env(data / "reviewer.env"),
            data=data,
            log=log,
        )
    finally:
        processes.end_group(process)


def read_env(file: Path) -> dict[str, str]:
    """The settings of a .env file, which must be for its owner's eyes only."""
    if file.stat().st_mode & 0o077:
        raise DidNotStart(
            f"{file.name} holds a token and others can read it: its mode must be 0600"
        )
    pairs = (line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs if key[:1] != "#"}


def _first_line(
    process: subprocess.Popen[bytes], answer: Path, log: Path, seconds: float
) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        line, end, _ = answer.read_text().partition("\n")
        if end:
            return json.loads(line)
        if process.poll() is not None:
            raise DidNotStart(f"the server ended with {process.returncode}:\n{log.read_text()}")
        time.sleep(0.02)
    raise DidNotStart(f"the server was not ready after {seconds:g} s:\n{log.read_text()}")
