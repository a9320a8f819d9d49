"""`make check`: everything that can be said about the tree without running the product.

scripts/run_checks.py               all of it
scripts/run_checks.py ruff links    only these checks
scripts/run_checks.py --list        what there is
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import machine
import node_env
import python_env
import stages
import tree
from run_tests import choose
from stages import Stage

NEEDS = ["go", "git", "venv", "node", "shellcheck"]
TOOL = ["go", "tool", "-modfile=scripts/tools.mod"]


def all_checks(python: Path) -> list[Stage]:
    ours = sys.executable
    count = stages.count_last_line
    return [
        Stage("gofmt", "Go's formatting", [ours, __file__, "--gofmt"], count),
        Stage("vet", "what the compiler does not say", ["go", "vet", "./..."], count),
        Stage("staticcheck", "bugs and dead code", [*TOOL, "staticcheck", "./..."], count),
        Stage(
            "govulncheck",
            "known holes in what we import",
            [*TOOL, "govulncheck", "./..."],
            count,
            could_not_run=no_database_of_holes,
        ),
        Stage("tidy", "go.mod lists what is imported", ["go", "mod", "tidy", "-diff"], count),
        Stage(
            "archtest", "who may import whom, lengths", ["go", "test", "./internal/archtest"], count
        ),
        Stage("ruff", "Python's rules", [python, "-m", "ruff", "check", "."], count),
        Stage(
            "ruff-format",
            "Python's formatting",
            [python, "-m", "ruff", "format", "--check", "."],
            count,
        ),
        *(
            Stage(
                f"pyright-{folder.name}", f"types in {folder.name}", pyright(python, folder), count
            )
            for folder in (tree.ROOT / "sdk/python", tree.ROOT / "scripts")
        ),
        Stage(
            "tsc",
            "types in @indent/api",
            ["npm", "--prefix", node_env.PACKAGE, "run", "--silent", "check"],
            count,
        ),
        Stage("shellcheck", "shell scripts", [ours, __file__, "--shellcheck"], count),
        Stage("generated", "generated files are fresh", [ours, __file__, "--generated"], count),
        Stage("links", "links in Markdown lead somewhere", [ours, "scripts/links.py"], count),
        Stage(
            "doc-blocks",
            "every command in the docs says whether it is run",
            [ours, "scripts/doc_commands.py", "--check"],
            count,
        ),
    ]


def pyright(python: Path, folder: Path) -> list[str | Path]:
    return [python, "-m", "pyright", "--pythonpath", python, "--project", folder]


def no_database_of_holes(output: str) -> str:
    """Why govulncheck proved nothing: its own database is not reachable, and no other was given."""
    found = re.search(r"^govulncheck: fetching vulnerabilities: (.*)$", output, re.MULTILINE)
    if found is None or os.environ.get("GOVULNDB"):
        return ""
    return (
        "THE VULNERABILITY CHECK DID NOT RUN: https://vuln.go.dev cannot be reached from here. "
        "Where it can: make check CHECKS=govulncheck; or GOVULNDB=file:///copy/of/the/database"
    )


def gofmt() -> int:
    unformatted = [str(p) for p in tree.files("*.go")]
    done = subprocess.run(
        ["gofmt", "-l", *unformatted], cwd=tree.ROOT, stdout=subprocess.PIPE, text=True
    )
    print(f"{done.stdout}run gofmt -w on these" if done.stdout else "all formatted")
    return 1 if done.stdout or done.returncode else 0


def shellcheck() -> int:
    """Check *.sh, and files without an ending whose first line names a shell."""
    scripts = [p for p in tree.files() if p.suffix in ("", ".sh") and is_shell(tree.ROOT / p)]
    if not scripts:
        print("there is no shell script")
        return 0
    return subprocess.run(["shellcheck", *map(str, scripts)], cwd=tree.ROOT).returncode


def is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        return re.match(rb"#!.*\b(ba)?sh\b", file.readline(200)) is not None


def generated() -> int:
    """Run `make generate` in a copy of the tree: it must change nothing."""
    with tree.scratch_copy() as copy:
        before = contents(copy)
        done = subprocess.run(["make", "--no-print-directory", "generate"], cwd=copy)
        if done.returncode != 0:
            return done.returncode
        after = contents(copy)
    stale = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    for name in stale:
        print(f"{name} is not what `make generate` makes")
    print("run `make generate` and commit what it changes" if stale else "all fresh")
    return 1 if stale else 0


def contents(folder: Path) -> dict[str, bytes]:
    paths = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths}


def main(wanted: Sequence[str]) -> int:
    parts = {"--gofmt": gofmt, "--shellcheck": shellcheck, "--generated": generated}
    if len(wanted) == 1 and wanted[0] in parts:
        return parts[wanted[0]]()
    machine.ensure(NEEDS)
    node_env.install(node_env.PACKAGE)
    chosen = choose(all_checks(python_env.for_tests()), wanted)
    env = {**tree.without_indent_settings(), "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    return 0 if stages.run_all(chosen, env) else 1


if __name__ == "__main__":
    sys.exit(tree.until_stopped(lambda: main(sys.argv[1:])))
