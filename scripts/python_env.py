"""Python environments inside the project folder, made once and remade when their recipe changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import tree

PACKAGES = (tree.ROOT / "sdk/python/indentapi", tree.ROOT / "sdk/python/approvals")
REQUIREMENTS = tree.ROOT / "scripts/requirements.txt"
WHEELS = tree.BUILD / "wheels"


def for_tests() -> Path:
    """The python of tests and checks: pinned tools, both packages editable."""
    editable = [part for package in PACKAGES for part in ("--editable", package)]
    recipe = [REQUIREMENTS, *(package / "pyproject.toml" for package in PACKAGES)]
    return environment(tree.ROOT / ".venv", ["--requirement", REQUIREMENTS, *editable], recipe)


def for_demo() -> Path:
    """The python of a user: `pip install` of both packages from the tree, nothing else."""
    recipe = [source for package in PACKAGES for source in _sources(package)]
    return environment(tree.ROOT / ".venv-demo", list(PACKAGES), recipe)


def for_endpoint(example: Path) -> Path:
    """The python of an example's endpoint: what its README says, with indentapi from the tree."""
    requirements = example / "requirements.txt"
    recipe = [requirements, *_sources(PACKAGES[0])]
    install = [PACKAGES[0], "--requirement", requirements]
    return environment(tree.ROOT / ".venv-endpoint", install, recipe)


def environment(folder: Path, install: Sequence[str | Path], recipe: Iterable[Path]) -> Path:
    """An environment in which `pip install <install>` was done since the recipe's files changed."""
    python = folder / "bin/python"
    stamp = folder / ".recipe"
    want = _fingerprint([sys.version, str(folder), *map(str, install)], recipe)
    if stamp.is_file() and stamp.read_text() == want:
        return python
    print(f"Making the Python environment {folder.name}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    pip(python, ["install", *install])
    stamp.write_text(want)
    return python


def wheels(python: Path) -> Mapping[str, str]:
    """Settings with which `pip install approvals` finds the tree's packages and needs no network.

    The settings name a folder of wheels: ours, built now, and everything that they depend on.
    """
    stamp = WHEELS / ".recipe"
    want = _fingerprint([sys.version], [REQUIREMENTS, *(p / "pyproject.toml" for p in PACKAGES)])
    if not (stamp.is_file() and stamp.read_text() == want):
        shutil.rmtree(WHEELS, ignore_errors=True)
        WHEELS.mkdir(parents=True)
        pip(python, ["wheel", "--wheel-dir", WHEELS, "hatchling", *PACKAGES])
        stamp.write_text(want)
    pip(
        python,
        ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", WHEELS, *PACKAGES],
    )
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS.as_uri()}


def pip(python: Path, arguments: Sequence[str | Path]) -> None:
    """Run pip without questions and without chatter; its failure ends the script."""
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries", "5"]
    command = [python, "-m", "pip", *arguments[:1], *quiet, *arguments[1:]]
    environment = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SystemExit(f"pip could not {' '.join(map(str, arguments))}: see above")


def _sources(package: Path) -> list[Path]:
    return [path for path in sorted(package.rglob("*")) if _is_source(path)]


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"


def _fingerprint(words: Iterable[str], recipe: Iterable[Path]) -> str:
    digest = hashlib.sha256("\0".join(words).encode())
    for path in recipe:
        digest.update(f"\0{path}\0".encode() + path.read_bytes())
    return digest.hexdigest()
