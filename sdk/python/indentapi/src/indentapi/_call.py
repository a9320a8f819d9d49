"""One call of the API, without input or output: what to send, when again, and what came back.

`attempts` is a generator that says what to do next (`Send`, `Pause`) and is told how it went. The
two wires (`_wire.py`) carry that out, one blocking and one awaiting; neither decides anything.
"""

from __future__ import annotations

import email.utils
import json
import random
import re
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, TypeAlias, TypeVar, cast

from . import errors
from .errors import APIConnectionError, APIError, APIResponseError, APIStatusError
from .values import printable

T = TypeVar("T")

LONGEST_RETRY_AFTER = 60.0
"""Seconds. A server that wants more is not waited for: the error is raised, and says it."""


@dataclass(frozen=True)
class Reply:
    """An answer of the server, read to its end."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


@dataclass(frozen=True)
class Call(Generic[T]):
    """One call: what to send, and how to read the answer."""

    method: str
    path: str
    """Below the server's address, quoted."""
    read: Callable[[Any], T]
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: object = None
    repeatable: bool = False
    """Whether sending it twice has the effect, and the answer, of sending it once: reads, whole
    replacements, and what carries an idempotency key."""
    with_token: bool = True
    patience: float = 0
    """Seconds that the server may take on purpose (long-poll)."""

    @property
    def content(self) -> bytes | None:
        """The body as it is sent."""
        if self.body is None:
            return None
        try:
            return json.dumps(self.body, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:
            # a lone surrogate: the server refuses it, and says in which field it is
            return json.dumps(self.body, allow_nan=False).encode()


@dataclass(frozen=True)
class Send(Generic[T]):
    """Do: send the call and say how it went."""

    call: Call[T]


@dataclass(frozen=True)
class Pause:
    """Do: nothing for so many seconds."""

    seconds: float


Outcome: TypeAlias = "Reply | APIError | None"
"""How a step went: the answer, why there is none, or nothing to say (after a pause)."""

Steps: TypeAlias = Generator["Send[Any] | Pause", Outcome, T]


@dataclass(frozen=True)
class Retry:
    """How often, and after how long, a call is sent again."""

    most: int = 2
    first: float = 0.5
    longest: float = 8.0
    chance: Callable[[], float] = random.random

    def pause(self, attempt: int, error: APIError) -> float | None:
        """Seconds before the next attempt; None when there must be none."""
        if attempt >= self.most:
            return None
        wanted = error.retry_after if isinstance(error, APIStatusError) else None
        if wanted is not None:
            return None if wanted > LONGEST_RETRY_AFTER else wanted + self.chance() * self.first
        # between half and the whole of 0.5 s, 1 s, 2 s …: many clients do not come back at once
        return min(self.first * 2**attempt, self.longest) * (1 + self.chance()) / 2


def attempts(call: Call[T], retry: Retry) -> Steps[T]:
    """Send the call until it succeeds, must not be repeated, or was repeated often enough."""
    attempt = 0
    while True:
        try:
            return (yield from once(call))
        except APIError as error:
            pause = retry.pause(attempt, error) if may_repeat(call, error) else None
            if pause is None:
                raise
        yield Pause(pause)
        attempt += 1


def once(call: Call[T]) -> Steps[T]:
    """Send the call one time; answer what it answered or raise why not."""
    outcome = yield Send(call)
    if isinstance(outcome, APIError):
        raise outcome
    assert isinstance(outcome, Reply), "a Send is answered by a Reply or an APIError"
    return result(call, outcome)


def may_repeat(call: Call[Any], error: APIError) -> bool:
    """Whether the call may be sent again after this error without a second effect.

    A 409 of ours is an answer (it has been decided; the key was used): asking again cannot change
    it. Only a 409 that says when to come back is tried again. After 408, 429 and 503 the server has
    done nothing. After any other 5xx or a broken connection it may have: then only a call
    that is `repeatable` is sent again.
    """
    if isinstance(error, APIConnectionError):
        return call.repeatable or not error.sent
    if not isinstance(error, APIStatusError):
        return False
    if error.status == 409:
        return error.code != "conflict" and error.retry_after is not None
    if error.status in (408, 429, 503):
        return True
    return error.status >= 500 and call.repeatable


def result(call: Call[T], reply: Reply) -> T:
    """What the answer means; raises what it refuses."""
    if 200 <= reply.status < 300:
        return call.read(from_json(reply.body) if reply.body else None)
    if 300 <= reply.status < 400:
        target = _snippet(reply.headers.get("location", "?"))
        raise APIResponseError(
            f"the server answered with a redirect to {target}: the token is not sent on. "
            "Set INDENT_API_URL to the final address."
        )
    raise _refusal(reply)


def _refusal(reply: Reply) -> APIStatusError:
    try:
        parsed = from_json(reply.body)
    except APIResponseError:
        parsed = None
    problem = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
    message = _text(problem, "message") or _text(problem, "detail") or _text(problem, "title")
    return errors.class_for(reply.status)(
        message or _snippet(reply.body.decode("utf-8", "replace")) or "no explanation was given",
        status=reply.status,
        code=_text(problem, "code"),
        field=_text(problem, "field"),
        retry_after=_retry_after(reply.headers.get("retry-after", "")),
        findings=_findings(problem),
    )


def _findings(problem: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is wrong with a rule document, safe to show."""
    found = problem.get("errors")
    items = cast("list[object]", found) if isinstance(found, list) else []
    findings = [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]
    return [
        {k: printable(v)[:4000] if isinstance(v, str) else v for k, v in finding.items()}
        for finding in findings
    ]


def _text(problem: Mapping[str, Any], key: str) -> str:
    value = problem.get(key)
    return printable(value)[:4000] if isinstance(value, str) else ""


def _snippet(text: str) -> str:
    return printable(" ".join(text.split()))[:200]


def _retry_after(value: str) -> float | None:
    """Seconds, from either form that RFC 9110 section 10.2.3 allows."""
    if re.fullmatch(r"\d{1,9}", value.strip()):
        return float(value)
    try:
        then = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, then - time.time())


def from_json(body: bytes) -> object:
    try:
        return json.loads(body, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        start = _snippet(body[:400].decode("utf-8", "replace"))
        raise APIResponseError(
            f"the server's answer is not JSON: {start!r}. "
            "Does INDENT_API_URL name an Indent server?"
        ) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is there twice")  # two readers could see two petitions in it
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def backoff(setbacks: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds after so many setbacks in a row: about 0.1, 0.2, 0.4 … 5."""
    return min(0.1 * 2 ** min(setbacks - 1, 10), 5.0) * (1 + chance()) / 2


def new_key() -> str:
    """A new idempotency key: the same for all attempts of one call."""
    return str(uuid.uuid4())
