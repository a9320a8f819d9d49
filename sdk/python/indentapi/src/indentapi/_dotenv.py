"""Reads a `.env` file; never writes `os.environ`, never expands `$NAME`, never runs anything."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

MOST_BYTES = 64 * 1024
"""A larger file is passed over."""


def find(folder: Path, prefix: str) -> tuple[Path | None, Mapping[str, str]]:
    """The nearest `.env`, in `folder` or above it, that sets a name which starts with `prefix`.

    One file is taken whole: a token from one and an address from another would not belong together.
    """
    for path in _candidates(folder):
        names = {k: v for k, v in parse(_read(path)).items() if k.startswith(prefix)}
        if names:
            return path, names
    return None, {}


_LINE = re.compile(
    r"""^[ \t]* (?:export[ \t]+)? (?P<name>[A-Za-z_]\w*) [ \t]* = [ \t]*
        (?: '(?P<single>[^']*)'
          | "(?P<double>(?:[^"\\]|\\.)*)"
          | (?P<bare>[^\r\n]*?) )
        (?:[ \t]+\#[^\r\n]*)? [ \t]* \r?$""",
    re.MULTILINE | re.VERBOSE | re.DOTALL,
)


def parse(text: str) -> dict[str, str]:
    r"""The names and values of a `.env` file. What is no assignment is passed over; the last wins.

    >>> parse("export A=1\nB='x # y' # comment\nC=\"two\\nlines\"\nD=plain # comment\n# E=5")
    {'A': '1', 'B': 'x # y', 'C': 'two\nlines', 'D': 'plain'}
    """
    return {m["name"]: _value(m) for m in _LINE.finditer(text.removeprefix("\ufeff"))}


def _value(match: re.Match[str]) -> str:
    if match["double"] is not None:
        return re.sub(r"\\(.)", _unescape, match["double"], flags=re.DOTALL)
    if match["single"] is not None:
        return match["single"]
    return "" if match["bare"].startswith("#") else match["bare"]


def _unescape(match: re.Match[str]) -> str:
    return {"n": "\n", "r": "\r", "t": "\t"}.get(match[1], match[1])


def _candidates(folder: Path) -> Iterator[Path]:
    for parent in (folder, *folder.parents):
        path = parent / ".env"
        if path.is_file() and not _planted(path):
            yield path


def _planted(path: Path) -> bool:
    """Whether somebody else may have put the file there.

    Everybody can write to a folder such as /tmp. A `.env` of another user in it could send our
    token, and our trust in the answer, to a server of theirs.
    """
    if os.name != "posix":
        return False
    try:
        open_to_all = path.parent.stat().st_mode & stat.S_IWOTH
        return bool(open_to_all) and path.stat().st_uid != os.geteuid()
    except OSError:
        return True


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError:
        return ""
    return content.decode("utf-8", "replace") if len(content) <= MOST_BYTES else ""
