"""The README's code runs as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_indent import SPACE, TOKEN, FakeIndent
from readme import python_blocks

BLOCKS = python_blocks(Path(__file__).parents[1] / "README.md")


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_it_runs(
    number: int,
    fake: FakeIndent,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with fake.serve():
        monkeypatch.setenv("INDENT_SPACE", SPACE)
        monkeypatch.setenv("INDENT_API_TOKEN", TOKEN)
        monkeypatch.setenv("INDENT_API_URL", fake.url)
        exec(compile(BLOCKS[number], f"README.md block {number}", "exec"), {})
    assert capsys.readouterr().out
