"""What the tests need from the machine, and how to get it.

As root on Debian (or a relative of it) what is missing is installed; anywhere else it is named,
with the command that installs it, and nothing runs until it is there.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

APT = ["apt-get", "-o", "Acquire::Retries=5", "-o", "DPkg::Lock::Timeout=300", "-qq"]


def ensure(names: Iterable[str]) -> None:
    """Return when the machine has all the named needs; otherwise say what is missing and exit."""
    wanted = [NEEDS[name] for name in names]
    missing = [need for need in wanted if not need.present()]
    packages = [package for need in missing for package in need.debian]
    if packages and can_install():
        install(packages)
        missing = [need for need in wanted if not need.present()]
    if not missing:
        return
    print("Missing on this machine:", file=sys.stderr)
    for need in missing:
        print(f"  {need.name}: {need.why}\n      {need.hint}", file=sys.stderr)
    packages = [package for need in missing for package in need.debian]
    if packages:
        print(f"On Debian: sudo apt-get install {' '.join(packages)}", file=sys.stderr)
    sys.exit(1)


def can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: list[str]) -> None:
    """Install Debian packages without questions; a failure is reported by what is still missing."""
    print(f"Installing {' '.join(packages)}", flush=True)
    refresh_package_lists()
    # its errors stay visible, its progress does not
    command = [*APT, "install", "--yes", "--no-install-recommends", *packages]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for _ in range(3):
        if _quietly(command, env):
            return


def _quietly(command: list[str], env: Mapping[str, str]) -> bool:
    nothing = subprocess.DEVNULL
    return subprocess.run(command, env=env, stdin=nothing, stdout=nothing).returncode == 0


@functools.cache
def refresh_package_lists() -> None:
    """`apt-get update`, once per run; without a network, the lists that are there must do."""
    _quietly([*APT, "update"], os.environ)


def find_postgres() -> Path | None:
    """The folder with PostgreSQL's server programs, the newest where there are several."""
    if given := os.environ.get("INDENT_TEST_PG_BIN"):
        return Path(given)
    places = [Path(found).resolve().parent] if (found := shutil.which("postgres")) else []
    for base in ("/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"):
        places += sorted(Path(base).glob("*/bin"), key=_version_in, reverse=True)
    return next((p for p in places if (p / "initdb").exists() and (p / "postgres").exists()), None)


def _version_in(folder: Path) -> int:
    digits = re.search(r"\d+", folder.parent.name)
    return int(digits.group()) if digits else 0


def find_chromium() -> Path | None:
    if given := os.environ.get("INDENT_TEST_CHROMIUM"):
        return Path(given)
    for name in ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome"):
        if found := shutil.which(name):
            return Path(found)
    mac = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    return mac if mac.exists() else None


def node_is_new_enough() -> bool:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    version = subprocess.run([node, "--version"], stdout=subprocess.PIPE, text=True).stdout
    found = re.match(r"v(\d+)", version)
    return found is not None and int(found.group(1)) >= 20


def has_keyring() -> bool:
    """Whether a login can be kept in a real Secret Service; other systems have their own."""
    if not sys.platform.startswith("linux"):
        return True
    return all(shutil.which(name) for name in ("dbus-daemon", "gnome-keyring-daemon"))


def has_venv() -> bool:
    probe = [sys.executable, "-c", "import ensurepip, venv"]
    return subprocess.run(probe, stderr=subprocess.DEVNULL).returncode == 0


@dataclass(frozen=True)
class Need:
    name: str
    why: str
    hint: str
    debian: list[str]
    present: Callable[[], bool]


def _program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


NEEDS: dict[str, Need] = {
    "go": Need("Go", "the product is written in it", "https://go.dev/dl", [], _program("go")),
    "git": Need(
        "git", "lists the project's files", "https://git-scm.com", ["git"], _program("git")
    ),
    "gcc": Need(
        "a C compiler",
        "Go's race detector is linked with it",
        "macOS: xcode-select --install",
        ["gcc", "libc6-dev"],
        _program("gcc", "clang"),
    ),
    "venv": Need(
        "Python's venv and ensurepip",
        "the Python packages are tested in an environment of their own",
        "use a Python from https://python.org, or PYTHON=/path/to/python3 make …",
        ["python3-venv"],
        has_venv,
    ),
    "postgres": Need(
        "PostgreSQL's server programs (initdb, postgres)",
        "the storage suite runs on both engines; a private server is started for it",
        "macOS: brew install postgresql@17; elsewhere set INDENT_TEST_PG_BIN to their folder",
        ["postgresql"],
        lambda: find_postgres() is not None,
    ),
    "chromium": Need(
        "Chromium",
        "the pages are tested in a real browser",
        "install Chromium or Chrome, or set INDENT_TEST_CHROMIUM to the program",
        ["chromium", "fonts-dejavu-core"],
        lambda: find_chromium() is not None,
    ),
    "keyring": Need(
        "dbus-daemon and gnome-keyring-daemon",
        "`indent login` keeps its tokens in a real keyring",
        "install D-Bus and GNOME's keyring",
        ["dbus", "gnome-keyring"],
        has_keyring,
    ),
    "shellcheck": Need(
        "shellcheck",
        "it reads the shell scripts",
        "macOS: brew install shellcheck",
        ["shellcheck"],
        _program("shellcheck"),
    ),
    "node": Need(
        "Node.js 20 or newer, with npm",
        "it drives the browser, runs the JavaScript package, and pyright runs on it",
        "https://nodejs.org",
        ["nodejs", "npm"],
        node_is_new_enough,
    ),
}
