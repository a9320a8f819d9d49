"""When a call is sent again, after how long, and that nothing is ever done twice."""

from __future__ import annotations

import logging
import pickle
import time
import traceback
from collections.abc import Callable, Generator
from email.utils import formatdate
from typing import Any, TypeVar

import httpx
import pytest
from fake_indent import SPACE, TOKEN, FakeIndent
from indentapi import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AsyncIndentAPI,
    AuthenticationError,
    ConflictError,
    IndentAPI,
    InternalServerError,
    RateLimitError,
    ServiceUnavailableError,
    errors,
    watch,
)
from indentapi._call import Call, Pause, Reply, Retry, Send, attempts

T = TypeVar("T")
DOOR = {"kind": "door", "id": "front"}
READ: Call[Any] = Call("GET", "/x", lambda body: body, repeatable=True)
WRITE: Call[Any] = Call("POST", "/x", lambda body: body)
BROKEN = APIConnectionError("broken", sent=True)
NOT_SENT = APIConnectionError("refused", sent=False)


def refused(status: int, code: str = "", **headers: str) -> Reply:
    return Reply(status, headers, f'{{"code": "{code}", "message": "no"}}'.encode())


def pauses(call: Call[Any], *outcomes: Reply | APIError, most: int = 2) -> list[float]:
    """The pauses between the attempts of a call whose outcomes are these; the last settles it."""
    steps = attempts(call, Retry(most, chance=lambda: 1.0))
    made: list[float] = []
    assert isinstance(next(steps), Send)
    for outcome in outcomes:
        try:
            step = steps.send(outcome)
        except (StopIteration, APIError):
            assert outcome is outcomes[-1], "it ended too early"
            return made
        assert isinstance(step, Pause)
        made.append(step.seconds)
        assert isinstance(steps.send(None), Send)
    raise AssertionError("it did not end")


OK = Reply(200, {}, b"{}")


@pytest.mark.parametrize("failure", [refused(500), refused(502), refused(503), BROKEN, NOT_SENT])
def test_a_read_is_sent_again_at_most_twice(failure: Reply | APIError) -> None:
    assert pauses(READ, failure, OK) == [0.5]
    assert pauses(READ, failure, failure, failure) == [0.5, 1.0]
    assert pauses(READ, failure, most=0) == []


@pytest.mark.parametrize("failure", [refused(500), refused(502), refused(504), BROKEN])
def test_a_write_that_may_have_happened_is_not_sent_again(failure: Reply | APIError) -> None:
    assert pauses(WRITE, failure) == []


@pytest.mark.parametrize("failure", [refused(408), refused(429), refused(503), NOT_SENT])
def test_a_write_that_surely_did_not_happen_is_sent_again(failure: Reply | APIError) -> None:
    assert pauses(WRITE, failure, OK) == [0.5]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_a_refusal_is_final(status: int) -> None:
    assert pauses(READ, refused(status)) == []


def test_a_conflict_of_ours_is_an_answer() -> None:
    assert pauses(READ, refused(409, "conflict")) == []
    assert pauses(READ, refused(409, "conflict", **{"retry-after": "1"})) == []
    assert pauses(READ, refused(409)) == []
    assert pauses(READ, refused(409, **{"retry-after": "1"}), OK) == [1.5], "it says when"


def test_retry_after_is_obeyed_and_bounded() -> None:
    assert pauses(READ, refused(429, **{"retry-after": "7"}), OK) == [7.5]
    assert pauses(READ, refused(503, **{"retry-after": "0"}), OK) == [0.5]
    assert pauses(READ, refused(429, **{"retry-after": "61"})) == []
    assert pauses(READ, refused(429, **{"retry-after": "soon"}), OK) == [0.5]
    date = formatdate(time.time() + 20, usegmt=True)
    assert 18 < pauses(READ, refused(429, **{"retry-after": date}), OK)[0] < 22
    past = formatdate(time.time() - 20, usegmt=True)
    assert pauses(READ, refused(429, **{"retry-after": past}), OK) == [0.5]


def test_pauses_grow_to_a_limit_and_differ() -> None:
    grown = [Retry(99, chance=lambda: 1.0).pause(n, BROKEN) for n in range(7)]
    assert grown == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert Retry(99, chance=lambda: 0.0).pause(3, BROKEN) == 2.0
    assert len({Retry(99).pause(3, BROKEN) for _ in range(20)}) > 1


def test_a_petition_is_never_doubled(fake: FakeIndent) -> None:
    """The server did it, the answer was lost, the client asks again: it is the same petition."""
    indent = IndentAPI(SPACE, TOKEN, transport=fake.transport())
    quick(indent)
    fake.drop_after()
    pet = indent.petition.create(reason="why", resources=[DOOR])
    first, second = fake.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert list(fake.petitions) == [pet["name"]]
    indent.petition.create(reason="why", resources=[DOOR])
    assert len(fake.petitions) == 2, "two calls are two petitions"


def test_a_replacement_is_not_sent_again_when_it_may_have_happened(fake: FakeIndent) -> None:
    indent = IndentAPI(SPACE, TOKEN, transport=fake.transport())
    pet = indent.petition.create(reason="why", resources=[DOOR])
    fake.drop_after()
    with pytest.raises(APIConnectionError) as raised:
        indent.petition.replace(pet["name"], reason="new", resources=[DOOR])
    assert raised.value.sent
    assert len(fake.requests) == 2


@pytest.mark.anyio
async def test_the_awaited_client_retries_too(fake: FakeIndent) -> None:
    async with AsyncIndentAPI(SPACE, TOKEN, transport=fake.transport()) as indent:
        fake.answer({"code": "unavailable"}, 503, **{"Retry-After": "0"})
        pet = await indent.petition.create(reason="why", resources=[DOOR])
        assert list(fake.petitions) == [pet["name"]]


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (429, RateLimitError),
        (500, InternalServerError),
        (503, ServiceUnavailableError),
        (599, InternalServerError),
        (418, APIStatusError),
    ],
)
def test_a_status_has_a_class(status: int, cls: type[APIStatusError]) -> None:
    assert errors.class_for(status) is cls


def test_a_redirect_is_refused_and_the_token_stays() -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(307, headers={"Location": "https://evil.example/"})

    indent = IndentAPI(SPACE, TOKEN, transport=httpx.MockTransport(handle))
    with pytest.raises(APIResponseError, match=r"redirect to https://evil\.example/"):
        indent.space.get()
    assert len(seen) == 1


def test_an_answer_that_does_not_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indentapi._wire.MOST_BYTES", 1000)

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Generator[bytes]:
            while True:
                yield b" " * 100

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Endless()))
    with pytest.raises(APIResponseError, match="ask for smaller pages"):
        IndentAPI(SPACE, TOKEN, transport=transport).space.get()


def _raise(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def handle(request: httpx.Request) -> httpx.Response:
        raise error

    return handle


@pytest.mark.parametrize(
    ("error", "cls", "sent", "says"),
    [
        (httpx.ConnectError("refused"), APIConnectionError, False, "indent dev"),
        (httpx.ConnectTimeout("slow"), APITimeoutError, False, "could not be reached in time"),
        (httpx.ReadTimeout("slow"), APITimeoutError, True, "did not answer in time"),
        (httpx.ReadError("reset"), APIConnectionError, True, "broke during GET"),
        (httpx.RemoteProtocolError("garbage"), APIConnectionError, True, "broke during GET"),
    ],
)
def test_failures_of_the_network_are_typed(
    error: Exception, cls: type[APIConnectionError], sent: bool, says: str
) -> None:
    transport = httpx.MockTransport(_raise(error))
    with pytest.raises(cls, match=says) as raised:
        IndentAPI(SPACE, TOKEN, transport=transport, max_retries=0).space.get()
    assert raised.value.sent is sent


def test_no_error_and_no_log_has_the_token(
    fake: FakeIndent, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    indent = IndentAPI(SPACE, TOKEN, transport=fake.transport(), max_retries=0)
    echo = {"message": f"bad token {TOKEN}", "code": TOKEN, "field": TOKEN}
    fake.answer(echo, 401)
    fake.answer(f"proxy: {TOKEN}".encode(), 502)
    fake.answer(b"", 302, Location=f"http://x/{TOKEN}")
    fake.drop()
    for expected in (
        AuthenticationError,
        InternalServerError,
        APIResponseError,
        APIConnectionError,
    ):
        with pytest.raises(expected) as raised:
            indent.space.get()
        error = raised.value
        text = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        assert TOKEN not in text
    assert "/v1/spaces/acmecorp" in caplog.text
    assert TOKEN not in caplog.text


def test_what_a_server_says_cannot_command_a_terminal(fake: FakeIndent) -> None:
    fake.answer({"message": "red \x1b[31m\nline \u202e", "code": "invalid"}, 400)
    with pytest.raises(errors.BadRequestError) as raised:
        IndentAPI(SPACE, TOKEN, transport=fake.transport()).space.get()
    assert raised.value.message == r"red \x1b[31m\nline \u202e"


@pytest.mark.parametrize(
    "error",
    [
        errors.ConfigurationError("what"),
        APIConnectionError("what", sent=False),
        ConflictError("what", status=409, code="conflict", field="f", retry_after=1.0),
    ],
)
def test_errors_reach_another_process_whole(error: errors.IndentError) -> None:
    there = pickle.loads(pickle.dumps(error))
    assert type(there) is type(error)
    assert (str(there), vars(there)) == (str(error), vars(error))


# ---- waiting, on virtual time ----


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


Happening = tuple[float, Reply | APIError]
"""How long a request took, and how it ended."""


def wait(timeout: float | None, *script: Happening) -> tuple[Any, list[float], Clock]:
    """Run a wait whose requests go as in the script. Answers its end, what it asked, the clock."""
    clock, asked, happenings = Clock(), list[float](), iter(script)
    steps = watch.waiting("/s", "x", timeout, clock, chance=lambda: 1.0)
    outcome: Reply | APIError | None = None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as done:
            return done.value["state"]["status"]["phase"], asked, clock
        except APIError as error:
            return error, asked, clock
        if isinstance(step, Pause):
            clock.now += step.seconds
            outcome = None
        else:
            assert step.call.patience == pytest.approx(asked_for(step.call))
            asked.append(asked_for(step.call))
            seconds, outcome = next(happenings)
            clock.now += seconds


def asked_for(call: Call[Any]) -> float:
    text = call.query.get("wait", "0s")
    return float(text[:-2]) / 1000 if text.endswith("ms") else float(text[:-1])


def pet(phase: str) -> Reply:
    body = f'{{"name":"x","spaceName":"s","state":{{"status":{{"phase":"{phase}"}}}}}}'
    return Reply(200, {}, body.encode())


def test_waiting_ends_with_the_decision() -> None:
    assert wait(None, (30, pet("open")), (3, pet("granted")))[:2] == ("granted", [30, 30])


def test_waiting_ends_with_the_time() -> None:
    end, asked, clock = wait(45, (30, pet("open")), (15, pet("open")))
    assert (end, asked, clock.now) == ("open", [30, 15], 1045)


def test_no_time_is_one_look() -> None:
    assert wait(0, (0, pet("open")))[:2] == ("open", [0])


@pytest.mark.parametrize("failure", [BROKEN, NOT_SENT, refused(500), refused(429), refused(408)])
def test_waiting_outlives_failures(failure: Reply | APIError) -> None:
    end, asked, clock = wait(None, *[(0, failure)] * 8, (0, pet("closed")))
    assert (end, len(asked)) == ("closed", 9)
    assert clock.now - 1000 == pytest.approx(0.1 + 0.2 + 0.4 + 0.8 + 1.6 + 3.2 + 5 + 5)


def test_waiting_obeys_retry_after() -> None:
    _, _, clock = wait(None, (0, refused(503, **{"retry-after": "20"})), (0, pet("granted")))
    assert clock.now == 1020


def test_a_failure_lasts_until_the_time_is_up() -> None:
    end, _, clock = wait(1, *[(0.3, NOT_SENT)] * 9)
    assert end is NOT_SENT
    assert clock.now == pytest.approx(1001, abs=0.31)


def test_a_server_that_answers_early_is_not_asked_in_a_tight_loop() -> None:
    end, asked, clock = wait(10, *[(0.001, pet("open"))] * 50)
    assert (end, len(asked)) == ("open", 8)
    assert clock.now == pytest.approx(1010, abs=0.01)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_waiting_ends_where_waiting_is_no_use(status: int) -> None:
    end, asked, _ = wait(None, (0, refused(status)))
    assert isinstance(end, APIStatusError)
    assert len(asked) == 1


def quick(indent: IndentAPI) -> None:
    """Pause for no time at all."""
    indent._wire._sleep = _no_time  # pyright: ignore[reportPrivateUsage]


def _no_time(_: object) -> None:
    pass
