"""That no fuzz target is forgotten, and that one which tried nothing is not called good."""

import subprocess
from pathlib import Path

import fuzz
import pytest

TRIED = """fuzz: elapsed: 0s, gathering baseline coverage: 9/9 completed, now fuzzing with 1 workers
fuzz: elapsed: 3s, execs: 4135 (1378/sec), new interesting: 17 (total: 26)
fuzz: elapsed: 6s, execs: 9605 (0/sec), new interesting: 33 (total: 42)
PASS
"""


@pytest.mark.parametrize(
    ("output", "want"),
    [
        (TRIED, 9605),
        (TRIED.splitlines()[0], 0),
        ("PASS\n", 0),
        ("warning: the test binary was not built with coverage instrumentation\n" + TRIED, 0),
    ],
)
def test_what_was_tried_is_read(output: str, want: int) -> None:
    assert fuzz.count(output) == want


OVER = TRIED.replace("PASS\n", "--- FAIL: FuzzX (10.02s)\n    context deadline exceeded\nFAIL\n")
BROKEN = OVER.replace(
    "    context deadline exceeded\n",
    "    --- FAIL: FuzzX (0.00s)\n        x_test.go:1: context deadline exceeded\n    \n"
    "    Failing input written to testdata/fuzz/FuzzX/0\n",
)


@pytest.mark.parametrize(("output", "want"), [(OVER, True), (BROKEN, False), (TRIED, False)])
def test_the_end_of_the_time_is_no_failure(output: str, want: bool) -> None:
    assert fuzz.is_just_over(output) is want


def test_every_declared_target_is_found(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / "a").mkdir()
    (tmp_path / "a/a_test.go").write_text(
        "func FuzzOne(f *testing.F) {\n}\nfunc TestX(t *testing.T) {}\n"
        "func FuzzTwo(f *testing.F) {\n"
    )
    (tmp_path / "b_test.go").write_text("func TestX(t *testing.T) {}\n")
    assert fuzz.packages(tmp_path) == {Path("a"): {"FuzzOne", "FuzzTwo"}}


def test_an_unknown_target_is_said() -> None:
    with pytest.raises(SystemExit, match="FuzzNothing"):
        fuzz.choose([], ["FuzzNothing"])
