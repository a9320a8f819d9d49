"""Runs a list of stages one after the other and tells honestly how each ended.

A stage is one command. Its output is shown as it comes and kept in .build/logs. A failing stage
does not keep the others from running. A stage that ran nothing, or left tests out, has failed.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import processes
import tree

LOGS = tree.BUILD / "logs"


@dataclass(frozen=True)
class Counts:
    """How many tests a runner says it ran, and the line in which it says so."""

    passed: int
    failed: int = 0
    left_out: int = 0
    line: str = ""


Reader = Callable[[str], Counts | None]
"""Reads the counts from a runner's output; None when there is no closing line."""


@dataclass(frozen=True)
class Stage:
    name: str
    what: str
    command: Sequence[str | Path]
    count: Reader = lambda output: count_last_line(output)
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    minutes: float = 20
    could_not_run: Callable[[str], str] = lambda output: ""
    """Why the stage proved nothing though nothing failed: said loudly, counted apart."""


@dataclass(frozen=True)
class Result:
    stage: Stage
    seconds: float
    counts: Counts
    not_run: str = ""


def run_all(stages: Sequence[Stage], base_env: Mapping[str, str]) -> bool:
    """Run every stage, print the table of results; True when nothing failed."""
    results: list[Result] = []
    for stage in stages:
        print(f"\n━━━ {stage.name}: {stage.what}", flush=True)
        results.append(run(stage, base_env))
    return summarize(results)


def run(stage: Stage, base_env: Mapping[str, str]) -> Result:
    started = time.monotonic()
    code, output = _execute(stage, {**base_env, **stage.env})
    seconds = time.monotonic() - started
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / f"{stage.name}.log").write_text(output)
    if reason := stage.could_not_run(output):
        return Result(stage, seconds, Counts(passed=0), not_run=reason)
    return Result(stage, seconds, judge(code, stage.count(plain(output))))


def judge(code: int, counts: Counts | None) -> Counts:
    """The exit code and the closing line must both be good; the worse of the two counts."""
    if counts is None:
        line = "no closing line" if code == 0 else f"exit code {code}"
        return Counts(passed=0, failed=1, line=line)
    if code != 0 and counts.failed == 0:
        line = f"{counts.line} (exit code {code})".strip()
        return Counts(max(counts.passed, 1) - 1, 1, counts.left_out, line)
    if counts.passed + counts.failed == 0:
        return Counts(passed=0, failed=1, line=f"{counts.line} (ran nothing)".strip())
    return counts


def summarize(results: Sequence[Result]) -> bool:
    """Print one line per stage and the closing line `N passed, N failed`."""
    print("\n━━━ summary")
    width = max(len(result.stage.name) for result in results)
    for result in results:
        counts = result.counts
        bad = counts.failed or counts.left_out
        mark = "NOT RUN" if result.not_run else "FAILED" if bad else "ok"
        closing = result.not_run or counts.line
        print(f"{mark:8}{result.stage.name:{width}}{result.seconds:7.1f} s  {closing}".rstrip())
    passed = sum(r.counts.passed for r in results)
    failed = sum(r.counts.failed for r in results)
    left_out = sum(r.counts.left_out for r in results)
    not_run = sum(bool(r.not_run) for r in results)
    closing = f"{passed} passed, {failed} failed"
    if left_out:
        closing += f", {left_out} skipped (which is a failure: nothing is skipped here)"
    if not_run:
        closing += f", {not_run} could not run (see above)"
    print(closing, flush=True)
    return failed == 0 and left_out == 0


def _execute(stage: Stage, env: Mapping[str, str]) -> tuple[int, str]:
    """The command's exit code and output; nothing that it started is left when this returns."""
    try:
        process = subprocess.Popen(
            [str(part) for part in stage.command],
            cwd=tree.ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        print(error)
        return 127, str(error)
    lines: list[str] = []
    reader = threading.Thread(target=_copy, args=(process, lines), daemon=True)
    reader.start()
    try:
        code = process.wait(timeout=stage.minutes * 60)
    except subprocess.TimeoutExpired:
        lines.append(f"stopped: not done after {stage.minutes:g} minutes\n")
        print(lines[-1], end="", flush=True)
        code = 124
    finally:
        processes.end_group(process, processes.LIKE_CTRL_C)
    # those who held the pipe open are gone now; the rest of the output is on its way
    reader.join(timeout=10)
    return code, "".join(lines)


def _copy(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        print(line, end="", flush=True)


def plain(text: str) -> str:
    """The text without a terminal's colours."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


# ---- how each runner says what it did ----


def count_go(output: str) -> Counts | None:
    """gotestsum: `DONE 12 tests, 1 skipped, 2 failures, 1 error in 3.1s`."""
    found = _last(r"^DONE (?:\d+ runs, )?(\d+) tests?\b.*$", output)
    if found is None:
        return None
    failed = _number(r"(\d+) failures?", found[0]) + _number(r"(\d+) errors?", found[0])
    skipped = _number(r"(\d+) skipped", found[0])
    return Counts(
        int(found[1]) - _number(r"(\d+) failures?", found[0]) - skipped, failed, skipped, found[0]
    )


def count_pytest(output: str) -> Counts | None:
    """pytest: `==== 1 failed, 12 passed, 1 skipped in 3.10s ====`."""
    found = _last(r"^=+ (.*\d+ \w+.* in [\d.]+s.*?) =+$", output)
    if found is None:
        return None
    line = found[1]
    failed = _number(r"(\d+) failed", line) + _number(r"(\d+) errors?", line)
    left_out = _number(r"(\d+) skipped", line) + _number(r"(\d+) x(?:failed|passed)", line)
    return Counts(_number(r"(\d+) passed", line), failed, left_out, line)


def count_node(output: str) -> Counts | None:
    """node --test: `ℹ pass 4`, `ℹ fail 0`, `ℹ skipped 0` …, one below the other."""
    names = ("tests", "pass", "fail", "cancelled", "skipped", "todo")
    found = {name: _last(rf"^(?:ℹ|#) {name} (\d+)$", output) for name in names}
    if found["tests"] is None:
        return None
    n = {name: int(match[1]) if match else 0 for name, match in found.items()}
    line = ", ".join(f"{n[name]} {name}" for name in names if n[name] or name in ("pass", "fail"))
    return Counts(n["pass"], n["fail"] + n["cancelled"], n["skipped"] + n["todo"], line)


def count_vitest(output: str) -> Counts | None:
    """vitest: `      Tests  1 failed | 12 passed | 1 skipped (14)`."""
    found = _last(r"^ *Tests  (.+) \(\d+\)$", output)
    if found is None:
        return None
    line = found[1]
    left_out = _number(r"(\d+) skipped", line) + _number(r"(\d+) todo", line)
    return Counts(
        _number(r"(\d+) passed", line), _number(r"(\d+) failed", line), left_out, f"{line} tests"
    )


def count_ours(output: str) -> Counts | None:
    """Our own runners: `12 passed, 0 failed`."""
    found = _last(r"^(\d+) passed, (\d+) failed$", output)
    return Counts(int(found[1]), int(found[2]), 0, found[0]) if found else None


def count_last_line(output: str) -> Counts | None:
    """A tool without counts: it is one test, and its last line says how it ended."""
    lines = output.strip().splitlines()
    return Counts(passed=1, line=lines[-1].strip()[:100] if lines else "")


def _last(pattern: str, text: str) -> re.Match[str] | None:
    found = None
    for found in re.finditer(pattern, text, re.MULTILINE):  # noqa: B007
        pass
    return found


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0
