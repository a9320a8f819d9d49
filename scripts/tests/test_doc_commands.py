"""That a page's commands are run as its reader would, and that no block escapes."""

import os
from pathlib import Path

import doc_commands
import pytest

PAGE = Path("page.md")


def run(tmp_path: Path, text: str) -> list[str]:
    copy = tmp_path / "indent"
    copy.mkdir(parents=True)
    return doc_commands.run_page(PAGE, doc_commands.blocks(text), copy, dict(os.environ))


def told(text: str) -> list[str]:
    return doc_commands.problems(PAGE, doc_commands.blocks(text))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("```sh\nls\n```", "tag it"),
        ("```sh notest\nls\n```", "tag it"),
        ("```sh notest reason=\nls\n```", "tag it"),
        ("```sh tset\nls\n```", "tag it"),
        ("```bash test\nls\n```", "write `sh` instead of `bash`"),
        ("```console\n$ ls\n```", "write `sh`"),
        ("```\nls\n```", "say the block's language"),
        ("~~~\nls\n~~~", "say the block's language"),
        ("1. one\n\n   ```sh\n   ls\n   ```", "tag it"),
        ("```sh test\nls", "never closed"),
        ("```text output\nx\n```", "must be the next block"),
        ("```sh notest reason=slow\nls\n```\n```text output\nx\n```", "must be the next block"),
    ],
)
def test_a_block_that_does_not_say_how_it_is_taken_is_an_error(text: str, problem: str) -> None:
    assert [problem in line for line in told(text)] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "```sh test\nls\n```",
        "```sh notest reason=it needs a phone\nls\n```",
        "```sh test serves\nls\n```",
        "```sh test\nls\n```\n\n```text output\nx\n```",
        "```python\nprint()\n```",
        "````md\n```sh\nls\n```\n````",
    ],
)
def test_a_block_that_says_it_is_none(text: str) -> None:
    assert told(text) == []


def test_blocks_of_a_page_share_one_shell(tmp_path: Path) -> None:
    first = "```sh test\nexport A=1; mkdir d; cd d\n```\n"
    text = first + "```sh test\ntest $A = 1; test ${PWD##*/} = d\n```"
    assert run(tmp_path, text) == []


def test_a_failing_command_fails_its_block_and_the_rest_of_the_page(tmp_path: Path) -> None:
    text = "```sh test\ntrue\n```\n```sh test\nfalse\ntrue\n```\n```sh test\ntrue\n```"
    failures = run(tmp_path, text)
    assert failures[0].startswith("page.md:4: failed")
    assert failures[1].startswith("page.md:8: not reached")


def test_an_untested_block_is_not_run(tmp_path: Path) -> None:
    assert run(tmp_path, "```sh notest reason=it fails\nfalse\n```") == []


def test_output_is_compared(tmp_path: Path) -> None:
    text = "```sh test\necho hello 42\n```\n```text output\n{}\n```"
    assert run(tmp_path / "a", text.format("hello <number>")) == []
    assert "instead of" in run(tmp_path / "b", text.format("hello 43"))[0]


def test_a_server_runs_until_the_end_of_the_page(tmp_path: Path) -> None:
    serve = "echo on http://127.0.0.1:1; echo $BASHPID > pid; sleep 600"
    text = f"```sh test serves\n{serve}\n```\n```sh test\nkill -0 $(cat pid)\n```"
    assert run(tmp_path, text) == []
    pid = int((tmp_path / "indent/pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_block_in_another_terminal_is_waited_for(tmp_path: Path) -> None:
    waits = "```sh test meanwhile\nwhile [ ! -e go ]; do sleep 0.05; done; echo went\n```\n"
    goes = "```text output\nwent\n```\n```sh test\n: >go\n```"
    assert run(tmp_path / "a", waits + goes) == []
    assert "instead of" in run(tmp_path / "b", waits + goes.replace("went", "came"))[0]


def test_a_block_that_fails_in_another_terminal_fails_the_page(tmp_path: Path) -> None:
    text = "```sh test meanwhile\necho said; false\n```\n```sh test\ntrue\n```"
    assert run(tmp_path, text) == ["page.md:1: failed\nsaid\n"]


def test_a_petition_is_copied_from_what_the_page_printed(tmp_path: Path) -> None:
    name = "aec1b116-42b3-11ee-824e-42010aac000d"
    ask = f"```sh test meanwhile\nsleep 0.3; echo asked '#acmecorp/{name}'\n```\n"
    decide = f"```sh test\necho approve <petition>\n```\n```text output\napprove {name}\n```"
    assert run(tmp_path, ask + decide) == []


def test_a_server_that_ends_at_once_fails(tmp_path: Path) -> None:
    assert "did not print its address" in run(tmp_path, "```sh test serves\necho no\n```")[0]


@pytest.mark.parametrize(
    ("want", "printed", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a\nb", "a\n\nb\n", False),
        ("a\n…\nd", "a\nb\nc\nd\n", True),
        ("a\n…\nd", "a\nd\n", True),
        ("#acme/<uuid>", "#acme/4f-2\n", True),
        ("#acme/<uuid>", "#acme/\n", False),
        ("1.5", "1x5", False),
        ("a\n↳ waiting (2s)\nb", "a\nb\n", True),
        ("a\n↳ waiting (2s)\nb", "a\n↳ waiting (2s)\n↳ waiting (4s)\nb\n", True),
        ("a\n↳ waiting (2s)\nb", "a\nwaiting (2s)\nb\n", False),
        ("#a/" + "0" * 8 + "-0000-0000-0000-" + "0" * 12, "#a/" + "a" * 36, False),
    ],
)
def test_placeholders(want: str, printed: str, same: bool) -> None:
    assert doc_commands.matches(want, printed) is same
