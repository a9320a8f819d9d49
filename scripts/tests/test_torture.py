"""How scripts/torture.py chooses its parts, and that the first violation ends it."""

import sys
from pathlib import Path

import pytest
import stages
import torture
from stages import Stage


def test_parts_are_chosen_by_name():
    assert torture.parse(["crashes"]).parts == ["crashes"]
    assert torture.parse([]).parts == []
    with pytest.raises(SystemExit):
        torture.parse(["peace"])


def test_the_first_violation_ends_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(stages, "LOGS", tmp_path)
    good = [sys.executable, "-c", "print('1 passed, 0 failed')"]
    bad = [sys.executable, "-c", "print('0 passed, 1 failed'); raise SystemExit(1)"]
    parts = [Stage(name, name, command, stages.count_ours) for name, command in
             [("first", good), ("second", bad), ("third", good)]]  # fmt: skip
    assert not torture.run_until_violation(parts, {})
    said = capsys.readouterr().out
    assert "Not run any more: third" in said
    assert "1 passed, 1 failed" in said
    assert torture.run_until_violation(parts[:1], {})
