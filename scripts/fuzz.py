"""Runs every fuzz target of the tree for a while, and says how much each has tried.

scripts/fuzz.py                          each for ten seconds
scripts/fuzz.py --seconds 600 FuzzBody   only these, for longer

The targets are found, not listed: a new one is never forgotten. As many run at once as there are
processors, each alone on its own. An input that breaks one is kept in its package's
testdata/fuzz: mend the bug and commit the file, `go test` tries it ever after.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import tree

BINARIES = tree.BUILD / "fuzz"
DECLARED = re.compile(r"^func (Fuzz\w*)\(\w+ \*testing\.F\)", re.MULTILINE)


@dataclass(frozen=True)
class Target:
    package: Path
    """The folder of the package, relative to the root."""
    binary: Path
    name: str


@dataclass(frozen=True)
class Outcome:
    target: Target
    tried: int
    failed: bool
    output: str


def main(arguments: list[str]) -> int:
    wanted = parse(arguments)
    targets = [
        target
        for package, names in packages().items()
        if not wanted.names or names & set(wanted.names)
        for target in build(package)
    ]
    outcomes = fuzz_all(choose(targets, wanted.names), wanted.seconds)
    failed = sum(outcome.failed for outcome in outcomes)
    print(f"{sum(outcome.tried for outcome in outcomes):,} inputs tried")
    print(f"{len(outcomes) - failed} passed, {failed} failed", flush=True)
    return 1 if failed or not outcomes else 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the fuzz targets.")
    parser.add_argument("--seconds", type=int, default=10, help="for each target (default 10)")
    parser.add_argument("names", nargs="*", metavar="FuzzName", help="only these targets")
    return parser.parse_args(arguments)


def choose(targets: Sequence[Target], names: Sequence[str]) -> list[Target]:
    """The named targets, all when none is named."""
    if unknown := set(names) - {t.name for t in targets}:
        raise SystemExit(f"no fuzz target is called {', '.join(sorted(unknown))}")
    return [t for t in targets if not names or t.name in names]


def packages(root: Path = tree.ROOT) -> dict[Path, set[str]]:
    """The folders whose tests declare fuzz targets, with their names."""
    found: dict[Path, set[str]] = {}
    for path in tree.files("*_test.go", root=root):
        if names := DECLARED.findall((root / path).read_text(encoding="utf-8")):
            found.setdefault(path.parent, set()).update(names)
    return found


def build(package: Path) -> Iterable[Target]:
    """The package's targets, in a test binary that watches which code its inputs reach."""
    binary = BINARIES / (str(package).replace("/", "-") + ".test")
    go("test", "-c", "-fuzz=.", "-o", str(binary), f"./{package}")
    listed = run([str(binary), "-test.list", "^Fuzz"], package)
    names = [line for line in listed.stdout.splitlines() if line.startswith("Fuzz")]
    if forgotten := packages()[package] - set(names):
        raise SystemExit(f"{package} declares {', '.join(forgotten)}, which its tests do not have")
    return [Target(package, binary, name) for name in names]


def fuzz_all(targets: Iterable[Target], seconds: int) -> list[Outcome]:
    """Run the targets, one on each processor, and tell of each when it is done."""
    outcomes: list[Outcome] = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        running = [pool.submit(fuzz, target, seconds) for target in targets]
        try:
            for done in concurrent.futures.as_completed(running):
                outcomes.append(done.result())
                tell(outcomes[-1])
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return outcomes


def fuzz(target: Target, seconds: int) -> Outcome:
    command = [
        str(target.binary),
        "-test.run=^$",
        f"-test.fuzz=^{target.name}$",
        f"-test.fuzztime={seconds}s",
        # by default an interesting input may be shortened for a minute: nothing else is tried
        f"-test.fuzzminimizetime={max(seconds // 10, 1)}s",
        "-test.parallel=1",
        f"-test.fuzzcachedir={corpus(target)}",
    ]
    try:
        done = run(command, target.package, patience=3 * seconds + 60)
    except subprocess.TimeoutExpired:
        return Outcome(target, 0, True, "an input takes for ever: the target did not end")
    tried = count(done.stdout)
    broken = done.returncode != 0 and not is_just_over(done.stdout)
    return Outcome(target, tried, broken or tried == 0, done.stdout)


def is_just_over(output: str) -> bool:
    """Whether nothing has failed but Go's own fuzzer, at the end of the target's time.

    On a busy machine it may take the end of its own clock for an error (golang/go#75804, mended in
    Go 1.27): that is all that the target then has to say, and there is no input to keep.
    """
    said = re.search(r"^--- FAIL: Fuzz\w* .*\n(?P<why>(?:.*\n)*?)FAIL$", output, re.M)
    return said is not None and said["why"].strip() == "context deadline exceeded"


def count(output: str) -> int:
    """How many inputs were tried: an uninstrumented binary, or none, has proved nothing."""
    if "not built with coverage instrumentation" in output:
        return 0
    return max((int(n) for n in re.findall(r"^fuzz: .*execs: (\d+)", output, re.M)), default=0)


def corpus(target: Target) -> Path:
    """Where go itself keeps what it has found interesting: the next run begins there."""
    return Path(go("env", "GOCACHE")) / "fuzz" / go("list", "-m") / target.package


def tell(outcome: Outcome) -> None:
    mark = "FAILED" if outcome.failed else "ok"
    name = f"{outcome.target.package}.{outcome.target.name}"
    print(f"{mark:8}{name:45}{outcome.tried:>12,} inputs", flush=True)
    if outcome.failed:
        print(outcome.output, flush=True)


def go(*arguments: str) -> str:
    done = run(["go", *arguments])
    if done.returncode != 0:
        raise SystemExit(done.stdout)
    return done.stdout.strip()


def run(
    command: list[str], folder: Path = Path(), patience: float | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=tree.ROOT / folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=patience,
    )


if __name__ == "__main__":
    sys.exit(tree.until_stopped(lambda: main(sys.argv[1:])))
