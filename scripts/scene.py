"""What the demos share: a server, somebody who decides, and the talk of what is shown."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dev_server
import endpoint_server
import tree


class NotAsPromised(Exception):
    pass


@dataclass(frozen=True)
class Scene:
    """Who plays: the server, the Python of a user, and a folder to work in."""

    server: dev_server.DevServer
    python: Path
    folder: Path

    def indent(self, *arguments: str | Path, asks: bool = False) -> str:
        """Run the CLI as the second person, or as the service account that asks; its output."""
        command = [tree.ROOT / "bin/indent", *arguments]
        who = self.server.asker if asks else self.server.reviewer
        environment = {**tree.without_indent_settings(), **who}
        done = subprocess.run(
            command, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        if done.returncode != 0:
            what = f"indent {' '.join(map(str, arguments))}"
            raise NotAsPromised(f"`{what}` ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def listed(self, *arguments: str) -> list[Any]:
        """Run a listing command of the CLI; the objects that it lists."""
        return json.loads(self.indent(*arguments, "--json"))


def performed(prefix: str, play: Callable[[dev_server.DevServer, Path], None]) -> int:
    """Play on a server of its own, in a scratch folder; 0 when all was as promised."""
    started = time.monotonic()
    with tree.scratch_folder(prefix) as scratch:
        try:
            with dev_server.running(scratch) as server:
                play(server, scratch)
        except (NotAsPromised, dev_server.DidNotStart, endpoint_server.DidNotStart) as error:
            print(f"\nNOT as promised: {error}", flush=True)
            print_log(scratch / "server.log")
            return 1
    print(f"\nAll as promised, in {time.monotonic() - started:.0f} seconds.")
    return 0


def say(heading: str) -> None:
    print(f"\n{heading}\n", flush=True)


def print_log(log: Path) -> None:
    if log.is_file() and (lines := log.read_text(errors="replace").splitlines()[-20:]):
        print("\nThe end of the server's log:\n" + "\n".join(f"  {line}" for line in lines))
