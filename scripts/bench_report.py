"""What `make bench` found: rows with their bars, as a table for a terminal and for the docs."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tree


@dataclass(frozen=True)
class Row:
    """One figure, beside what it is compared with and the bar that it has to reach."""

    part: str
    what: str
    value: float
    unit: str
    beside: float | None = None
    """The floor's figure, or raw PostgreSQL's, in the same unit and the same run."""
    ratio: float | None = None
    bar: str = ""
    met: bool | None = None
    note: str = ""
    same_client: float | None = None
    """Indent's figure when the client of what it is compared with measures it, too."""
    same_client_ratio: float | None = None


def show(value: float | None, unit: str = "") -> str:
    """Three digits or more, and the unit: `/s` and `%` behind the figure, others after a blank."""
    if value is None:
        return ""
    if value == 0 or abs(value) >= 100:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return text + (unit if unit in ("/s", "%", "") else f" {unit}")


FIGURES = ("Indent", "beside it", "ratio", "with the floor's client", "its ratio")
HEAD = ("what", *FIGURES, "bar", "met", "")
SAME_CLIENT = (4, 5)
"""The columns that are told where something stands in them."""


def cells(row: Row) -> tuple[str, ...]:
    met = {True: "yes", False: "NO", None: ""}[row.met]
    value, beside = show(row.value, row.unit), show(row.beside, row.unit)
    same, same_ratio = show(row.same_client, row.unit), percent(row.same_client_ratio)
    ratio = percent(row.ratio)
    return (row.what, value, beside, ratio, same, same_ratio, row.bar, met, row.note)


def percent(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio * 100:.0f} %"


def grid(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The head and a line for each row, without columns that say nothing of any of them."""
    lines = [HEAD, *map(cells, rows)]
    empty = [n for n in SAME_CLIENT if not any(line[n] for line in lines[1:])]
    return [tuple(cell for n, cell in enumerate(line) if n not in empty) for line in lines]


def parts(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.part for row in rows))


def table(rows: Sequence[Row]) -> str:
    """For a terminal: a block for each part, figures aligned to the right."""
    head, *lines = grid(rows)
    widths = [max(len(c) for c in column) for column in zip(head, *lines, strict=True)]
    text: list[str] = []
    for part in parts(rows):
        text += ["", part, _line(head, widths)]
        of_part = zip(rows, lines, strict=True)
        text += [_line(line, widths) for row, line in of_part if row.part == part]
    return "\n".join(text) + f"\n\n{verdict(rows)}"


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    what, *figures, bar, met, note = texts
    right = [t.rjust(w) for t, w in zip(figures, widths[1:], strict=False)]
    line = [what.ljust(widths[0]), *right, bar.ljust(widths[-3]), met.ljust(widths[-2]), note]
    return "  ".join(line).rstrip()


def verdict(rows: Sequence[Row]) -> str:
    judged = [row for row in rows if row.met is not None]
    reached = sum(bool(row.met) for row in judged)
    return f"{reached} of {len(judged)} bars are reached"


def machine_facts() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    go = subprocess.run(["go", "version"], stdout=subprocess.PIPE, text=True).stdout.split()
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memoryGiB": round(memory),
        "system": f"{platform.system()} {platform.release()}",
        "go": go[2] if len(go) > 2 else "",
        "version": _indent_version(),
        "when": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _processor() -> str:
    with open("/proc/cpuinfo") as file:
        found = re.search(r"^model name\s*: (.*)$", file.read(), re.MULTILINE)
    return found[1].strip() if found else platform.processor()


def _indent_version() -> str:
    told = subprocess.run([tree.ROOT / "bin/indent", "version"], stdout=subprocess.PIPE, text=True)
    return " ".join(told.stdout.split()[1:2])


BEGIN = "<!-- figures: written by scripts/bench.py --write-docs -->"
END = "<!-- end of figures -->"


SAME_CLIENT_WHY = (
    "`indent bench` needs less of the processor than the floor's client, and what a client takes, "
    "the server lacks: the columns with the floor's client say what Indent does with that one."
)


def write_docs(page: Path, found: Mapping[str, Any]) -> None:
    """Replace the figures in the page by what was found."""
    text = page.read_text()
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} has no place for figures between {BEGIN} and {END}")
    page.write_text(f"{head}{BEGIN}\n\n{markdown(found)}\n{END}{tail}")


def markdown(found: Mapping[str, Any]) -> str:
    rows = [Row(**row) for row in found["rows"]]
    facts = found["machine"]
    load = found["load"]
    lines = [
        f"Measured {facts['when']} on {facts['cores']} cores of {facts['processor']}, "
        f"{facts['memoryGiB']} GiB, {facts['system']}, {facts['go']}, Indent {facts['version']}; "
        f"{found['seconds']:g} s a measurement, medians of {found['rounds']}. "
        f"The machine's load was {load[0]:.1f} before and {load[1]:.1f} at the end "
        f"(what is measured makes a load of its own).",
        "",
        f"{verdict(rows)}.",
    ]
    if any(row.same_client is not None for row in rows):
        lines += ["", SAME_CLIENT_WHY]
    for part in parts(rows):
        head, *of_part = grid([row for row in rows if row.part == part])
        lines += ["", f"### {part}", "", _markdown_row(head), _markdown_row(["---"] * len(head))]
        lines += map(_markdown_row, of_part)
    return "\n".join(lines) + "\n"


def _markdown_row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def at_least(value: float | None, bar: float) -> bool | None:
    return None if value is None else value >= bar


def at_most(value: float | None, bar: float) -> bool | None:
    return None if value is None else value <= bar


Judge = Callable[[float | None, float], "bool | None"]
