"""`make torture`: breaks the product on purpose, for hours, and looks at what is left.

scripts/torture.py                    all parts at the night's counts
scripts/torture.py crashes            only this part
scripts/torture.py --share 0.01       a hundredth of the counts (of the parts that take a share)
scripts/torture.py --seed 42 crashes  the choices of an earlier run, which printed this seed

Each part prints its seed and its counts. The first violation ends the run: what it left is in
.build/torture and the part's whole output in .build/logs.
"""

from __future__ import annotations

import argparse
import sys

import machine
import postgres
import stages
import tree
from stages import Stage

EVIDENCE = tree.BUILD / "torture"
GOTESTSUM = ["go", "tool", "-modfile=scripts/tools.mod", "gotestsum"]
GO_TEST = [*GOTESTSUM, "--format", "standard-verbose", "--", "-count=1", "-failfast", "-timeout=3h"]


def all_parts() -> list[Stage]:
    """The table of parts: what is broken, by which command, with which counts."""
    return [
        Stage(
            "crashes",
            "kill -9 of servers and databases, 1,000 cycles each; power cuts at every write",
            [*GO_TEST, "./internal/torture/"],
            stages.count_go,
            minutes=180,
        ),
        Stage(
            "faults",
            "networks, databases, clocks and clients that fail",
            [*GO_TEST, "./tests/faults/..."],
            stages.count_go,
            minutes=180,
        ),
        Stage(
            "disks",
            "a disk that is full, read-only or damaged; a log torn at every byte",
            [*GO_TEST, "-run", "Disk|Torn", "./internal/cli", "./internal/store"],
            stages.count_go,
            minutes=180,
        ),
        Stage(
            "model",
            "ten million steps of the state machine beside its model",
            [*GO_TEST, "./internal/approval", "-run", "^TestModel$"],
            stages.count_go,
            env={"INDENT_MODEL_STEPS": "10000000"},
            minutes=180,
        ),
        Stage(
            "garbage",
            "ten thousand calls of each route with what nobody should send",
            [*GO_TEST, "./internal/app", "-run", "^TestGarbageOnEveryRoute$"],
            stages.count_go,
            minutes=180,
        ),
        Stage(
            "fuzz",
            "every fuzz target for two minutes",
            [sys.executable, "scripts/fuzz.py", "--seconds", "120"],
            stages.count_ours,
            minutes=240,
        ),
    ]


def main(arguments: list[str]) -> int:
    asked = parse(arguments)
    machine.ensure(["go", "postgres"])
    env = tree.without_indent_settings()
    env["INDENT_TORTURE"] = asked.share
    env["INDENT_TORTURE_EVIDENCE"] = str(EVIDENCE)
    env["INDENT_TEST_REQUIRE_POSTGRES"] = "1"
    if asked.seed:
        env["INDENT_SEED"] = env["INDENT_MODEL_SEED"] = env["INDENT_GARBAGE_SEED"] = asked.seed
    parts = [part for part in all_parts() if not asked.parts or part.name in asked.parts]
    with postgres.private_server() as url:
        env[postgres.VARIABLE] = url
        return 0 if run_until_violation(parts, env) else 1


def parse(arguments: list[str]) -> argparse.Namespace:
    names = [part.name for part in all_parts()]
    parser = argparse.ArgumentParser(description="Break the product on purpose.")
    parser.add_argument("--share", default="1", help="of the night's counts (default 1)")
    parser.add_argument("--seed", help="repeat the choices of a run that printed this seed")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(names)}")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.parts) - set(names):
        parser.error(f"no part is called {', '.join(sorted(unknown))}")
    return asked


def run_until_violation(parts: list[Stage], env: dict[str, str]) -> bool:
    """Run one part after the other until one fails; print the table; True when all passed."""
    results: list[stages.Result] = []
    for part in parts:
        print(f"\n━━━ {part.name}: {part.what}", flush=True)
        results.append(stages.run(part, env))
        if results[-1].counts.failed or results[-1].counts.left_out:
            print(f"\nA violation: its seed is above, what it left is in {EVIDENCE}", flush=True)
            break
    if left := [part.name for part in parts[len(results) :]]:
        print(f"Not run any more: {', '.join(left)}", flush=True)
    return stages.summarize(results)


if __name__ == "__main__":
    sys.exit(tree.until_stopped(lambda: main(sys.argv[1:])))
