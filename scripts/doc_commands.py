"""Runs the commands that the documentation tells readers to type: README.md and docs/**/*.md.

    scripts/doc_commands.py            run every page
    scripts/doc_commands.py --check    only check that every block says how it is to be taken

A page is a terminal: its blocks run in order in one shell, in a scratch copy of the project, with
the settings of a scratch server in the environment. The words behind the fence's language:

    ```sh test                  it is run and must succeed
    ```sh test serves           it is a server: it is started, must print its address, and is
                                stopped at the end of the page
    ```sh notest reason=…       it is not run, because …
    ```text output              exactly what the block above it prints; <words> in angle brackets
                                stand for anything, a line … for any lines

A fence without a language, or an `sh` block without one of these tags, is an error.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dev_server
import processes
import python_env
import tree

OTHER_SHELLS = {"bash", "shell", "zsh", "console", "shell-session", "terminal"}
MARK = "\x1e"
PRELUDE = r"""
set -euo pipefail
wait_for_address() {  # the file to which the server writes, its process
  for _ in $(seq 300); do
    if grep -q 'http://127\.0\.0\.1:[0-9]' "$1"; then cat "$1"; return; fi
    if ! kill -0 "$2" 2>/dev/null; then break; fi
    sleep 0.1
  done
  cat "$1"; echo 'the server did not print its address within 30 seconds'; return 1
}
"""


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    tags: str
    body: str

    @property
    def runs(self) -> bool:
        return self.language == "sh" and self.tags in ("test", "test serves")

    @property
    def is_output(self) -> bool:
        return self.language == "text" and self.tags == "output"


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a Markdown text; one that is never closed has the tags `unclosed`."""
    found: list[Block] = []
    fence: re.Match[str] | None = None
    start, body = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.match(r"^(\s*)(`{3,}|~{3,})\s*([^`]*)$", line)
        if fence is None:
            fence, start, body = mark, number, []
        elif mark and not mark[3] and mark[2].startswith(fence[2]):
            found.append(_block(start, fence[3], body))
            fence = None
        else:
            # a fence inside a list item is indented, and so is what it holds
            body.append(line.removeprefix(fence[1]))
    if fence:
        found.append(Block(start, "", "unclosed", ""))
    return found


def _block(line: int, info: str, body: Sequence[str]) -> Block:
    language, _, tags = info.strip().partition(" ")
    return Block(line, language, tags.strip(), "\n".join(body))


def problems(page: Path, found: Sequence[Block]) -> list[str]:
    """What a writer must mend before the page can be run, one sentence each."""
    told: list[str] = []
    before: Block | None = None
    for block in found:
        if problem := _problem(block, before):
            told.append(f"{page}:{block.line}: {problem}")
        before = block
    return told


def _problem(block: Block, before: Block | None) -> str:
    if block.tags == "unclosed":
        return "this block is never closed"
    if not block.language:
        return "say the block's language (`text` for what is shown, `sh` for what is typed)"
    if block.language in OTHER_SHELLS:
        return f"write `sh` instead of `{block.language}`, without prompts"
    if block.language == "sh" and not block.runs and not re.match(r"notest reason=\S", block.tags):
        return "tag it `sh test`, `sh test serves` or `sh notest reason=why it cannot be run`"
    if block.is_output and not (before and before.runs and before.tags == "test"):
        return "`text output` must be the next block after an `sh test` block"
    return ""


def run_page(page: Path, found: Sequence[Block], copy: Path, env: Mapping[str, str]) -> list[str]:
    """Run the page's blocks; the answer has one text for each that failed."""
    runnable = [block for block in found if block.runs]
    outputs, code = _shell(_script(runnable), copy, env)
    failures: list[str] = []
    for index, block in enumerate(runnable):
        place = f"{page}:{block.line}"
        if index >= len(outputs):
            failures.append(f"{place}: not reached, a block above it failed")
        elif index == len(outputs) - 1 and code != 0:
            failures.append(f"{place}: exit code {code}\n{outputs[index]}")
        elif (want := _expected(found, block)) and not matches(want, outputs[index]):
            failures.append(f"{place}: it prints\n{outputs[index]}\ninstead of\n{want}")
    return failures


def _script(runnable: Sequence[Block]) -> str:
    parts = [PRELUDE]
    for number, block in enumerate(runnable):
        parts.append(f"printf '{MARK}'")
        if block.tags == "test":
            parts.append(block.body)
            continue
        log = f'"$DOC_SCRATCH/server-{number}.log"'
        parts.append(f"{{\n{block.body}\n}} >{log} 2>&1 &\nwait_for_address {log} $!")
    return "\n".join(parts) + "\n"


def _shell(script: str, copy: Path, env: Mapping[str, str]) -> tuple[list[str], int]:
    """The output of each block that was begun, and the shell's exit code."""
    output = copy.parent / "output"
    with output.open("wb") as file:
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=copy,
            env={**env, "DOC_SCRATCH": str(copy.parent)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        code = shell.wait(timeout=900)
    except subprocess.TimeoutExpired:
        code = 124
    finally:
        processes.end_group(shell)
    return output.read_text(errors="replace").split(MARK)[1:], code


def _expected(found: Sequence[Block], block: Block) -> str:
    after = found[found.index(block) + 1 :][:1]
    return after[0].body if after and after[0].is_output else ""


def matches(want: str, printed: str) -> bool:
    """Whether the printed text is the wanted one; blank lines at either end do not count."""
    pattern = ""
    for line in want.strip("\n").split("\n"):
        if line.strip() in ("…", "..."):
            pattern += r"(?:.*\n)*?"
        else:
            parts = re.split(r"<[^<>]+>", line.rstrip())
            pattern += ".+?".join(map(re.escape, parts)) + r"[ \t]*\n"
    return re.fullmatch(pattern, printed.strip("\n") + "\n") is not None


def main(arguments: Sequence[str]) -> int:
    pages = {page: blocks((tree.ROOT / page).read_text()) for page in doc_pages()}
    told = [line for page, found in pages.items() for line in problems(page, found)]
    if told:
        print("\n".join(told))
        return 1
    if "--check" in arguments:
        total = sum(block.runs for found in pages.values() for block in found)
        print(f"{len(pages)} pages, {total} blocks of commands that are run")
        return 0
    return _run_all(pages)


def doc_pages() -> list[Path]:
    return tree.files("README.md", "docs/**.md")


def _run_all(pages: Mapping[Path, Sequence[Block]]) -> int:
    passed = failed = 0
    wheels = python_env.wheels(python_env.for_tests())
    for page, found in pages.items():
        count = sum(block.runs for block in found)
        if not count:
            continue
        with tree.scratch_copy() as copy, dev_server.running(copy.parent) as server:
            settings = {"DEV_ARGS": f"--addr 127.0.0.1:0 --data-dir {copy.parent}/made-by-page"}
            env = {**tree.without_indent_settings(), **wheels, **server.asker, **settings}
            failures = run_page(page, found, copy, env)
        print(f"{page}: {count - len(failures)} of {count} blocks succeeded", flush=True)
        print("".join(f"  FAILED {text}\n" for text in failures), end="", flush=True)
        passed += count - len(failures)
        failed += len(failures)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(tree.until_stopped(lambda: main(sys.argv[1:])))
