"""`make test`: sets up what the tests need, runs every stage, tells how each ended.

scripts/run_tests.py            all of it
scripts/run_tests.py go python  only these stages
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import machine
import node_env
import postgres
import python_env
import stages
import tree
from stages import Stage

GOTESTSUM = ["go", "tool", "-modfile=scripts/tools.mod", "gotestsum", "--format", "standard-quiet"]
# the tests that use approvaltest.SweepStep
SWEEPS = "|".join(
    [
        "^TestGarbageOnEveryRoute$",
        "^TestAThousandEndInTheSameSecondAtTheirEndpoints$",
        "^TestPagesOfAnotherSpaceLookLikeMissingOnes$",
        "^TestAnotherSpacesNamesInBodiesAndQueries$",
    ]
)
NEEDS = ["go", "git", "gcc", "venv", "postgres", "node", "chromium", "keyring"]


def all_stages(python: Path) -> list[Stage]:
    pytest = [python, "-m", "pytest", "-p", "no:cacheprovider"]
    return [
        Stage("build", "bin/indent", ["make", "--silent", "build"]),
        Stage(
            "go",
            "all packages with the race detector: rules, storage on both engines, API, pages, CLI",
            [*GOTESTSUM, "--", "-race", "-timeout", "25m", "./..."],
            stages.count_go,
            env={"CGO_ENABLED": "1"},
            minutes=45,
        ),
        Stage(
            "sweeps",
            "what the race detector got a share of, whole: all that is wrong, a thousand ends",
            [*GOTESTSUM, "--", "-count=1", "-run", SWEEPS, "./internal/api", "./internal/app"],
            stages.count_go,
        ),
        Stage(
            "model",
            "a million steps of the state machine beside its model; the seed is in the output",
            ["go", "test", "./internal/approval", "-run", "^TestModel$", "-count=1", "-v"],
            stages.count_last_line,
            env={"INDENT_MODEL_STEPS": "1000000"},
        ),
        Stage(
            "fuzz",
            "every fuzz target for ten seconds",
            [sys.executable, "scripts/fuzz.py"],
            stages.count_ours,
        ),
        Stage(
            "crashes",
            "a tenth of make torture's crashes: processes killed, power cut at every write",
            [*GOTESTSUM, "--", "-parallel", "4", "-count=1", "./internal/torture/"],
            stages.count_go,
            env={"INDENT_TORTURE": "0.1"},
        ),
        Stage(
            "python",
            "the packages indentapi and approvals",
            [*pytest, *python_env.PACKAGES],
            stages.count_pytest,
        ),
        Stage(
            "python-live",
            "both packages and the spec cases against a real server",
            [*pytest, "sdk/python/tests_live"],
            stages.count_pytest,
        ),
        Stage(
            "js",
            "the package @indent/api",
            ["npm", "--prefix", node_env.PACKAGE, "test"],
            stages.count_vitest,
        ),
        Stage(
            "examples",
            "the endpoints in examples/ as processes, on a real PostgreSQL, real files and Node.js",
            [*pytest, "tests/examples"],
            stages.count_pytest,
        ),
        Stage("scripts", "the scripts themselves", [*pytest, "scripts"], stages.count_pytest),
        Stage(
            "browser",
            "the pages in Chromium",
            ["npm", "--prefix", node_env.BROWSER, "test"],
            stages.count_node,
        ),
        Stage("demo", "make demo", [sys.executable, "scripts/demo.py"], stages.count_last_line),
        Stage(
            "demo-access",
            "make demo-access: a real PostgreSQL opened for ten seconds",
            [sys.executable, "scripts/demo_access.py"],
            stages.count_last_line,
        ),
        Stage(
            "docs",
            "the commands in README.md and docs/",
            [sys.executable, "scripts/doc_commands.py"],
            stages.count_ours,
        ),
    ]


def main(wanted: Sequence[str]) -> int:
    machine.ensure(NEEDS)
    python = python_env.for_tests()
    for folder in (node_env.BROWSER, node_env.PACKAGE):
        node_env.install(folder)
    node_env.build()
    # tests of an old binary prove nothing
    chosen = choose(all_stages(python), ["build", *wanted] if wanted else [])
    env = tree.without_indent_settings()
    # an empty database is a failed test where this is set, elsewhere it is half of the proof
    env["INDENT_TEST_REQUIRE_POSTGRES"] = "1"
    env["INDENT_TEST_REQUIRE_KEYRING"] = "1"
    env["INDENT_TEST_CHROMIUM"] = str(machine.find_chromium())
    env["INDENT_TEST_PYTHON"] = str(python)
    with postgres.private_server() as url:
        env[postgres.VARIABLE] = url
        return 0 if stages.run_all(chosen, env) else 1


def choose(every: Sequence[Stage], wanted: Sequence[str]) -> list[Stage]:
    """The wanted stages, all when none is named, in order; what is left out is said."""
    names = [stage.name for stage in every]
    if unknown := [name for name in wanted if name not in names]:
        raise SystemExit(f"no stage is called {', '.join(unknown)}; there are {', '.join(names)}")
    if left_out := [name for name in names if wanted and name not in wanted]:
        print(f"Not asked for, so not run: {', '.join(left_out)}", flush=True)
    return [stage for stage in every if not wanted or stage.name in wanted]


if __name__ == "__main__":
    sys.exit(tree.until_stopped(lambda: main(sys.argv[1:])))
