"""Runs the commands that the documentation tells readers to type: README.md and docs/**/*.md.

    scripts/doc_commands.py            run every page
    scripts/doc_commands.py --check    only check that every block says how it is to be taken

A page is a terminal: its blocks run in order in one shell, in a scratch copy of the project. A page
that starts a server talks to that one; the others find the settings of a scratch server in the
environment. The words behind the fence's language:

    ```sh test                  it is run and must succeed
    ```sh test serves           it is a server: it is started, must print its address, and is
                                stopped at the end of the page
    ```sh test meanwhile        it runs in another terminal while the page goes on, and must have
                                succeeded by the end of the page
    ```sh notest reason=…       it is not run, because …
    ```text output              exactly what the block above it prints; <words> in angle brackets
                                and a UUID stand for any, a line … for any lines, a line ↳ … for
                                as many signs of life as the wait took

In a command, <petition> is what a reader would copy: the petition that was named last.

A fence without a language, or an `sh` block without one of these tags, is an error.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dev_server
import node_env
import processes
import python_env
import tree

OTHER_SHELLS = {"bash", "shell", "zsh", "console", "shell-session", "terminal"}
RUN_TAGS = ("test", "test serves", "test meanwhile")
UUID = "-".join(f"[0-9a-f]{{{length}}}" for length in (8, 4, 4, 4, 12))
PRELUDE = rf"""
set -euo pipefail
wait_for_address() {{  # the server's process, the file to which it writes
  for _ in $(seq 600); do
    if grep -qE 'http://127\.0\.0\.1:[0-9]' "$2"; then return; fi
    if ! kill -0 "$1" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo 'the server ended, or did not print its address within a minute'
  return 1
}}
last_petition() {{
  for _ in $(seq 600); do
    # shellcheck disable=SC2012 # the names are ours
    for file in $(ls -t "$DOC_SCRATCH" | grep '\.out$'); do
      if grep -oE '{UUID}' "$DOC_SCRATCH/$file" | tail -n 1 | grep .; then return; fi
    done
    sleep 0.1
  done
  return 1
}}
"""


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    tags: str
    body: str

    @property
    def runs(self) -> bool:
        return self.language == "sh" and self.tags in RUN_TAGS

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
    if (
        block.language == "sh"
        and not block.runs
        and not re.match(r"notest reason=\"?[^\s\"]", block.tags)
    ):
        return (
            "tag it `sh test` (or `serves`, `meanwhile`) or `sh notest reason=why it cannot be run`"
        )
    if block.is_output and not (before and before.runs and before.tags != "test serves"):
        return "`text output` must be the next block after an `sh test` block"
    return ""


def run_page(page: Path, found: Sequence[Block], copy: Path, env: Mapping[str, str]) -> list[str]:
    """Run the page's blocks; the answer has one text for each that failed."""
    runnable = [block for block in found if block.runs]
    scratch = copy.parent / "blocks"
    scratch.mkdir()
    said = _shell(_script(runnable), copy, {**env, "DOC_SCRATCH": str(scratch)})
    failures: list[str] = []
    for number, block in enumerate(runnable):
        output, done = scratch / f"{number}.out", scratch / f"{number}.done"
        printed = output.read_text(errors="replace") if output.exists() else ""
        if not output.exists():
            problem = "not reached, a block above it failed"
        elif not done.exists():
            problem = f"failed\n{printed}{said}"
        elif (want := _expected(found, block)) and not matches(want, printed):
            problem = f"it prints\n{printed}\ninstead of\n{want}"
        else:
            continue
        failures.append(f"{page}:{block.line}: {problem}")
    return failures


def _script(runnable: Sequence[Block]) -> str:
    """The page as one script: block n prints into n.out, and makes n.done when it has succeeded."""
    parts = [PRELUDE]
    later: list[str] = []
    for number, block in enumerate(runnable):
        output, done = f'"$DOC_SCRATCH/{number}.out"', f'"$DOC_SCRATCH/{number}.done"'
        body = block.body.replace("<petition>", '"$(last_petition)"')
        if block.tags == "test":
            parts.append(f"exec >{output} 2>&1\n{body}\n: >{done}")
        elif block.tags == "test serves":
            parts.append(
                f"{{\n{body}\n}} >{output} 2>&1 &\nwait_for_address $! {output}\n: >{done}"
            )
        else:
            parts.append(f"{{\n{body}\n: >{done}\n}} >{output} 2>&1 &\nmeanwhile_{number}=$!")
            later.append(f'wait "$meanwhile_{number}" || :')
    return "\n".join([*parts, *later]) + "\n"


def _shell(script: str, copy: Path, env: Mapping[str, str]) -> str:
    """Run the script and end all that it started; what it says outside of its blocks."""
    output = copy.parent / "output"
    with output.open("wb") as file:
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=copy,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        shell.wait(timeout=900)
    except subprocess.TimeoutExpired:
        return "stopped: the page was not done after 15 minutes\n" + output.read_text()
    finally:
        processes.end_group(shell)
    return output.read_text(errors="replace")


def _expected(found: Sequence[Block], block: Block) -> str:
    after = found[found.index(block) + 1 :][:1]
    return after[0].body if after and after[0].is_output else ""


def matches(want: str, printed: str) -> bool:
    """Whether the printed text is the wanted one; blank lines at either end do not count."""
    pattern = ""
    for line in want.strip("\n").split("\n"):
        if line.strip() in ("…", "..."):
            pattern += r"(?:.*\n)*?"
        elif line.startswith("↳ "):
            pattern += r"(?:↳ .*\n)*"
        else:
            pieces = re.split(rf"(<[^<>]+>|{UUID})", line.rstrip())
            pieces[::2] = map(re.escape, pieces[::2])
            pieces[1::2] = (UUID if re.match(UUID, piece) else ".+?" for piece in pieces[1::2])
            pattern += "".join(pieces) + r"[ \t]*\n"
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
    node_env.build()
    for page, found in pages.items():
        count = sum(block.runs for block in found)
        if not count:
            continue
        failures = _in_scratch(page, found, wheels)
        print(f"{page}: {count - len(failures)} of {count} blocks succeeded", flush=True)
        print("".join(f"  FAILED {text}\n" for text in failures), end="", flush=True)
        passed += count - len(failures)
        failed += len(failures)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def _in_scratch(page: Path, found: Sequence[Block], wheels: Mapping[str, str]) -> list[str]:
    """Run a page in a scratch copy, with a scratch server unless it starts one itself."""
    with contextlib.ExitStack() as stack:
        copy = stack.enter_context(tree.scratch_copy())
        env = {**tree.without_indent_settings(), **wheels, "DEV_ARGS": "--addr 127.0.0.1:0"}
        if not any(block.tags == "test serves" for block in found):
            env.update(stack.enter_context(dev_server.running(copy.parent)).asker)
        return run_page(page, found, copy, env)


if __name__ == "__main__":
    sys.exit(tree.until_stopped(lambda: main(sys.argv[1:])))
