"""What JavaScript in the tree needs, from its lock files, and the package as a user gets it."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import tree

BROWSER = tree.ROOT / "tests/browser"
PACKAGE = tree.ROOT / "sdk/js/api"


def install(folder: Path) -> None:
    """`npm ci`, when the folder's package-lock.json has changed since the last time."""
    want = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules/.recipe"
    if stamp.is_file() and stamp.read_text() == want:
        return
    where = folder.relative_to(tree.ROOT)
    print(f"Installing what {where} needs", flush=True)
    npm(folder, "ci", "--no-audit", "--no-fund", "--silent")
    stamp.write_text(want)


def build() -> None:
    """Make the package's `dist`, which is what `npm install ./sdk/js/api` gives to a user."""
    install(PACKAGE)
    npm(PACKAGE, "run", "--silent", "build")


def npm(folder: Path, *arguments: str) -> None:
    """Run npm in a folder; its failure ends the script."""
    command = ["npm", "--prefix", str(folder), *arguments]
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        where = folder.relative_to(tree.ROOT)
        raise SystemExit(f"npm {arguments[0]} failed in {where}: see above")
