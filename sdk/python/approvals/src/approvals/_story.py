"""How an approval goes, from the asking to the answer: what to do next, without doing it.

`asking` and `resuming` are generators. They say what to do (`Create`, `Look`, `Tell`), are told
what came of it, and end with an `Approval` or an exception; there is no third way out. `_run.py`
does what they say, blocking or awaiting; the tests do it on virtual time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TypeAlias

from indentapi import APIError, IndentError
from indentapi.types import Petition

from ._asked import Asked
from ._granted import Approval, decided_by, granted, reference
from ._notice import ApprovalEvent, Kind
from .errors import (
    ApprovalDenied,
    ApprovalError,
    ApprovalExpired,
    ApprovalMismatch,
    ApprovalRevoked,
    ApprovalTimeout,
    ApprovalUnavailable,
    ApprovalWithdrawn,
)

FIRST_SIGN_OF_LIFE = 2.0
"""Seconds until the first "Waiting" line; the next ones come after 4, 8, 16 …"""


@dataclass(frozen=True)
class Create:
    """Do: make the petition."""

    asked: Asked
    idempotency_key: str | None
    seconds: float
    """For how long it would be waited for then."""


@dataclass(frozen=True)
class Look:
    """Do: look at the petition, for at most so many seconds as it is open."""

    name: str
    seconds: float
    seen: Petition | None
    """The petition as it was last seen; None before the first look."""


@dataclass(frozen=True)
class Tell:
    """Do: show this."""

    event: ApprovalEvent


Outcome: TypeAlias = "Petition | IndentError | None"
"""What came of it: the petition, why there is none, or nothing to say (after a Tell)."""

Story: TypeAlias = Generator["Create | Look | Tell", Outcome, Approval]
Part: TypeAlias = Generator["Create | Look | Tell", Outcome, Petition]


@dataclass(frozen=True)
class Terms:
    """How long to wait, by which clocks, and in which space."""

    space: str
    timeout: float | None
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)

    def __post_init__(self) -> None:
        # `not >=` rather than `<`: it must refuse NaN, too
        if self.timeout is not None and not self.timeout >= 0:
            raise ValueError("timeout is a number of seconds, or None to wait for ever")


def asking(asked: Asked, idempotency_key: str | None, terms: Terms) -> Story:
    """Ask, and wait for the answer."""
    start = terms.clock()
    patience = float("inf") if terms.timeout is None else terms.timeout
    outcome = yield Create(asked, idempotency_key, patience)
    if not isinstance(outcome, dict):
        raise _unavailable(outcome, None)
    wait = _Wait(terms, start, outcome["name"], asked, outcome)
    wait.check(outcome)
    asked.check_whole(outcome)
    yield wait.tell("requested", f"⏵ Requested approval {reference(outcome)}")
    for told in outcome["state"]["messages"]:
        yield wait.tell("message", f"⚠ {told.get('message', '')}")
    return (yield from wait.settled())


def resuming(name: str, asked: Asked, terms: Terms) -> Story:
    """Wait for the answer to what was asked before, perhaps by another process."""
    wait = _Wait(terms, terms.clock(), name, asked, None)
    yield from wait.first_look()
    return (yield from wait.settled())


@dataclass
class _Wait:
    """The waiting for one petition."""

    terms: Terms
    start: float
    name: str
    asked: Asked
    petition: Petition | None
    problem: APIError | None = None
    """Why the last look failed; None when it succeeded."""
    next_sign: float = FIRST_SIGN_OF_LIFE

    def settled(self) -> Story:
        """Wait until it is decided, and say so."""
        petition = yield from self._decided()
        try:
            approval = granted(petition, self.terms.now())
        except ApprovalError as error:
            yield from self._tell_error(error)
            raise
        yield self.tell("granted", "✅ Granted")
        return approval

    def first_look(self) -> Generator[Create | Look | Tell, Outcome, None]:
        """See the petition for the first time; a server that is away is waited for."""
        yield from self._look(0)
        while self.petition is None:
            if self._left() <= 0:
                raise _unavailable(self.problem, None)
            yield from self._look(min(self._left(), FIRST_SIGN_OF_LIFE))
        yield self.tell("resumed", f"⏵ Resumed approval {reference(self.petition)}")

    def _decided(self) -> Part:
        assert self.petition is not None
        while self.petition["state"]["status"]["phase"] == "open":
            if self._left() <= 0:
                error = self._timeout(self.petition)
                yield from self._tell_error(error)
                raise error from self.problem
            yield from self._look(min(self._left(), max(0.05, self.next_sign - self._elapsed())))
            yield from self._sign_of_life()
        return self.petition

    def _look(self, seconds: float) -> Generator[Create | Look | Tell, Outcome, None]:
        outcome = yield Look(self.name, seconds, self.petition)
        if isinstance(outcome, dict):
            self.check(outcome)
            self.asked.check(outcome)
            self.petition, self.problem = outcome, None
        elif isinstance(outcome, APIError) and outcome.temporary:
            self.problem = outcome  # it may come back: the decision is not lost
        else:
            raise _unavailable(outcome, self.petition)

    def _sign_of_life(self) -> Generator[Create | Look | Tell, Outcome, None]:
        passed = 0.0
        while self.next_sign <= self._elapsed():
            passed, self.next_sign = self.next_sign, self.next_sign * 2
        still_open = self.petition and self.petition["state"]["status"]["phase"] == "open"
        # at the very end the timeout itself is the news
        if passed and still_open and self._left() > 0:
            yield self.tell("waiting", f"↳ Waiting for approval... ({passed:.0f}s elapsed)")

    def check(self, petition: Petition) -> None:
        """Raises unless the answer is about the petition that was asked for, unchanged."""
        seen = self.petition or petition
        for what, is_, should_be in (
            ("name", petition["name"], self.name),
            ("space", petition["spaceName"], self.terms.space),
            ("digest", petition["digest"], seen["digest"]),
        ):
            if is_ != should_be:
                raise ApprovalMismatch(
                    f"the server answered a petition with the {what} {is_!r}, not {should_be!r}: "
                    "whatever was decided, it is not this",
                    petition,
                )

    def tell(self, kind: Kind, message: str) -> Tell:
        assert self.petition is not None
        return Tell(ApprovalEvent(kind, message, self.petition, self._elapsed()))

    def _tell_error(self, error: ApprovalError) -> Generator[Create | Look | Tell, Outcome, None]:
        kind, line = _news(error)
        if kind:
            yield self.tell(kind, line)

    def _timeout(self, petition: Petition) -> ApprovalTimeout:
        ref, name = reference(petition), petition["name"]
        away = (
            f" The server could not be asked at the end ({self.problem})." if self.problem else ""
        )
        return ApprovalTimeout(
            f"{ref} was not decided within {self.terms.timeout:g} seconds. It stays open: "
            f'`await resume("{name}")` waits on, here or in another process.{away}',
            petition,
        )

    def _elapsed(self) -> float:
        return self.terms.clock() - self.start

    def _left(self) -> float:
        timeout = self.terms.timeout
        return float("inf") if timeout is None else timeout - self._elapsed()


def _news(error: ApprovalError) -> tuple[Kind | None, str]:
    """The line for an outcome that is no approval."""
    if isinstance(error, ApprovalDenied):
        word = "Revoked" if isinstance(error, ApprovalRevoked) else "Denied"
        by = f" by {decided_by(error.petition)}" if error.reviewer else ""
        return "denied", f"❌ {word}{by}{': ' if error.reason else ''}{error.reason}"
    if isinstance(error, ApprovalTimeout):
        return "timeout", "⌛ Not decided yet"
    if isinstance(error, ApprovalExpired):
        return "expired", "❌ Expired"
    if isinstance(error, ApprovalWithdrawn):
        return "withdrawn", "❌ Withdrawn"
    return None, ""


def _unavailable(outcome: Outcome, petition: Petition | None) -> ApprovalUnavailable:
    still = f" {reference(petition)} may still be open: `resume` waits on." if petition else ""
    error = ApprovalUnavailable(f"no approval: {outcome}{still}", petition)
    error.__cause__ = outcome if isinstance(outcome, IndentError) else None
    return error
