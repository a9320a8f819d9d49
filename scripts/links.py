"""Checks that every relative link in the project's Markdown files leads somewhere.

A link's file must be in the tree, its #anchor must be a heading of that file (as GitHub names
them). Links to other hosts are not called.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import tree

INLINE = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)<>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)")
DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)")
HTML = re.compile(r"<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=\"([^\"]+)\"")
ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)")


def broken_links(page: Path, root: Path = tree.ROOT) -> list[str]:
    """One sentence for each link of the page that leads nowhere."""
    found: list[str] = []
    for number, target in links((root / page).read_text(encoding="utf-8")):
        if ELSEWHERE.match(target):
            continue
        if problem := _problem(page, target, root):
            found.append(f"{page}:{number}: {target}: {problem}")
    return found


def links(text: str) -> Iterator[tuple[int, str]]:
    """The line number and target of every link in a Markdown text, code left out."""
    for number, line in prose(text):
        spoken = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", line)
        for pattern in (INLINE, DEFINITION, HTML):
            for match in pattern.finditer(spoken):
                yield number, match[1]


def anchors(text: str) -> set[str]:
    """The names by which a Markdown text's headings can be linked to, as GitHub makes them."""
    seen: dict[str, int] = {}
    names: set[str] = set()
    for _, line in prose(text):
        names.update(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", line))
        heading = re.match(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$", line)
        if not heading:
            continue
        slug = _slug(heading[1])
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        names.add(f"{slug}-{count}" if count else slug)
    return names


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The numbered lines of a Markdown text that are not inside a fenced block."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.match(r"^\s*(`{3,}|~{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1][0] == fence[0] and len(mark[1]) >= len(fence):
            fence = ""
        elif not fence:
            yield number, line


def _slug(heading: str) -> str:
    shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    shown = re.sub(r"[`*]", "", shown).strip().lower()
    kept = (c for c in shown if c in " -_" or unicodedata.category(c)[0] in "LNM")
    return "".join(kept).replace(" ", "-")


def _problem(page: Path, target: str, root: Path) -> str:
    name, _, anchor = unquote(target).partition("#")
    base = root if name.startswith("/") else (root / page).parent
    file = (base / name.lstrip("/")).resolve() if name else root / page
    if not file.is_relative_to(root.resolve()):
        return "leads out of the project"
    if not file.exists():
        return "there is no such file"
    if anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
        return f"{file.relative_to(root.resolve())} has no such heading"
    return ""


def main() -> int:
    pages = tree.files("*.md")
    broken = [line for page in pages for line in broken_links(page)]
    print("\n".join(broken), end="\n" if broken else "")
    print(f"{len(pages)} pages, {len(broken)} broken links")
    return 1 if broken or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
