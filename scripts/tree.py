"""The project's tree: where it is, which files belong to it, and a scratch copy of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
"""What scripts make and may lose: logs, wheels, stamps. Ignored by git."""


def files(*patterns: str, root: Path = ROOT) -> list[Path]:
    """The files that are or will be committed, relative to the root; patterns are git's."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=root,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout.decode()
    return sorted({Path(name) for name in listed.split("\0") if name and (root / name).is_file()})


@contextlib.contextmanager
def scratch_copy() -> Generator[Path, None, None]:
    """A copy of the project's files, and of what is built, removed at the end."""
    with scratch_folder("indent-tree-") as folder:
        copy = folder / "indent"
        names = [*files(), *built()]
        for name in names:
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        yield copy


def built() -> list[Path]:
    """What is built of bin/indent and of the package for JavaScript, relative to the root."""
    package = (ROOT / "sdk/js/api/dist").rglob("*")
    made = [ROOT / "bin/indent", *(path for path in package if path.is_file())]
    return [path.relative_to(ROOT) for path in made if path.exists()]


@contextlib.contextmanager
def scratch_folder(prefix: str, under: str | None = None) -> Generator[Path, None, None]:
    """A folder outside the tree, by default in the machine's place for such, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=under))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def until_stopped(main: Callable[[], int]) -> int:
    """Run a script's main; Ctrl-C, TERM and HUP unwind it, so that every `finally` does its work.

    Only the first signal counts: impatience must not leave a server behind.
    """
    stops = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

    def interrupt(*_: object) -> None:
        for name in stops:
            signal.signal(name, signal.SIG_IGN)
        raise KeyboardInterrupt

    for name in stops:
        signal.signal(name, interrupt)
    try:
        return main()
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.", flush=True)
        return 130


def without_indent_settings() -> dict[str, str]:
    """The environment less every INDENT_… of the caller: a test must not talk to a real server."""
    return {k: v for k, v in os.environ.items() if not k.startswith("INDENT_")}
