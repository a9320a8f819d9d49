"""That the demo believes only what the quickstart promises."""

import demo
import pytest

UUID = "aec1b116-42b3-11ee-824e-42010aac000d"
GRANTED = [
    f"⏵ Requested approval #acmecorp/{UUID}",
    "↳ Waiting for approval... (2s elapsed)",
    "✅ Granted",
    "done: password reset user:123",
]
DENIED = [GRANTED[0], GRANTED[1], "approvals.ApprovalDenied: denied by you: not without a ticket"]


def granted(lines: list[str], code: int = 0) -> None:
    demo.expect_granted(demo.Outcome(lines, code, UUID))


def denied(lines: list[str], code: int = 1) -> None:
    demo.expect_denied(demo.Outcome(lines, code, UUID))


def test_the_quickstart_is_what_was_promised() -> None:
    granted(GRANTED)
    denied(DENIED)


def test_a_slow_machine_may_wait_for_one_line_more() -> None:
    granted([*GRANTED[:2], "↳ Waiting for approval... (4s elapsed)", *GRANTED[2:]])


@pytest.mark.parametrize(
    "lines",
    [
        GRANTED[:-1],
        GRANTED[:1] + GRANTED[2:],
        [*GRANTED, "and more"],
        [GRANTED[0], "↳ Waiting for approval... (1s elapsed)", *GRANTED[2:]],
        [GRANTED[0].replace("acmecorp", "other"), *GRANTED[1:]],
        [GRANTED[0], GRANTED[2], GRANTED[1], GRANTED[3]],
    ],
)
def test_other_lines_are_not(lines: list[str]) -> None:
    with pytest.raises(demo.NotAsPromised):
        granted(lines)


def test_a_granted_script_must_succeed() -> None:
    with pytest.raises(demo.NotAsPromised):
        granted(GRANTED, code=1)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([*DENIED, "done: password reset user:456"], 1),
        (DENIED, 0),
        ([*DENIED[:2], "ValueError: not without a ticket"], 1),
        ([*DENIED[:2], "approvals.ApprovalDenied: denied"], 1),
    ],
)
def test_a_denial_must_be_typed_and_stop_the_script(lines: list[str], code: int) -> None:
    with pytest.raises(demo.NotAsPromised):
        denied(lines, code)
