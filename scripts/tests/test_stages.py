"""How scripts/stages.py reads the runners' closing lines, and that it believes no half of them."""

import sys

import pytest
import stages
from stages import Counts, Stage


@pytest.mark.parametrize(
    ("read", "output", "want"),
    [
        (stages.count_go, "ok \tx\t0.1s\nDONE 12 tests in 3.1s\n", (12, 0, 0)),
        (stages.count_go, "DONE 12 tests, 2 skipped, 1 failure, 1 error in 3.1s", (9, 2, 2)),
        (stages.count_pytest, "===== 12 passed in 0.10s =====", (12, 0, 0)),
        (
            stages.count_pytest,
            "= 1 failed, 3 passed, 2 skipped, 1 error in 61.2s (0:01:01) =",
            (3, 2, 2),
        ),
        (
            stages.count_node,
            "ℹ tests 5\nℹ pass 3\nℹ fail 1\nℹ cancelled 0\nℹ skipped 1\nℹ todo 0",
            (3, 1, 1),
        ),
        (
            stages.count_vitest,
            " Test Files  2 passed (2)\n      Tests  12 passed (12)\n   Duration  1s",
            (12, 0, 0),
        ),
        (
            stages.count_vitest,
            "      Tests  1 failed | 3 passed | 2 skipped | 1 todo (7)",
            (3, 1, 3),
        ),
        (stages.count_ours, "12 passed, 0 failed", (12, 0, 0)),
    ],
)
def test_a_closing_line_is_read(
    read: stages.Reader, output: str, want: tuple[int, int, int]
) -> None:
    counts = read(output)
    assert counts is not None
    assert (counts.passed, counts.failed, counts.left_out) == want


@pytest.mark.parametrize(
    "read",
    [
        stages.count_go,
        stages.count_pytest,
        stages.count_node,
        stages.count_vitest,
        stages.count_ours,
    ],
)
def test_output_without_a_closing_line_is_a_failure(read: stages.Reader) -> None:
    assert stages.judge(0, read("nothing of note\n")).failed == 1


def test_an_exit_code_is_believed_over_a_good_closing_line() -> None:
    assert stages.judge(1, Counts(passed=3, line="3 passed")).failed == 1


def test_running_nothing_is_a_failure() -> None:
    assert stages.judge(0, Counts(passed=0)).failed == 1


def test_one_stage_fails_and_the_next_still_runs(capfd: pytest.CaptureFixture[str]) -> None:
    bad = Stage("bad", "fails", [sys.executable, "-c", "raise SystemExit(3)"])
    good = Stage("good", "passes", [sys.executable, "-c", "print('still here')"])
    assert not stages.run_all([bad, good], {})
    shown = capfd.readouterr().out
    assert "still here" in shown
    assert shown.endswith("1 passed, 1 failed\n")


def test_skipped_tests_fail_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    script = "print('DONE 2 tests, 1 skipped in 0.1s')"
    stage = Stage("go", "skips", [sys.executable, "-c", script], stages.count_go)
    assert not stages.run_all([stage], {})
    assert "1 skipped" in capfd.readouterr().out


def test_a_stage_that_hangs_is_stopped_with_all_that_it_started() -> None:
    script = "import subprocess; subprocess.run(['sleep', '600'])"
    stage = Stage("hangs", "sleeps", [sys.executable, "-c", script], minutes=0.01)
    result = stages.run(stage, {"PATH": "/usr/bin:/bin"})
    assert result.counts.failed == 1
    assert result.seconds < 30


def test_a_program_that_does_not_exist_is_a_failure() -> None:
    assert stages.run(Stage("gone", "", ["no-such-program"]), {"PATH": ""}).counts.failed == 1
