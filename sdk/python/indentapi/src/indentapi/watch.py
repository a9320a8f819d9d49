"""Waiting for the decision on a petition: alone, and in pieces beside others who wait."""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

import anyio

from . import values
from ._call import LONGEST_RETRY_AFTER, Call, Pause, Steps, backoff, once, result
from ._crowd import Alone, Seat, pause
from ._shape import shaped
from ._wire import GRACE_SECONDS
from .errors import APIError, APIResponseError, APITimeoutError
from .types import Petition

LONGEST_WAIT = 30.0
"""Seconds that one request waits on the server; longer waits are several requests."""


class Watch:
    """One who waits for one petition at a time. `AsyncPetitionAPI.watch` makes it."""

    def __init__(self, seat: Seat, space: str) -> None:
        self._seat = seat
        self._space = space

    @contextlib.asynccontextmanager
    async def turn(self, seconds: float) -> AsyncGenerator[None]:
        """Inside, it is this one's turn to ask for something else: not all who wait ask at once.

        `APITimeoutError` when the turn does not come in so many seconds.
        """
        asking = self._seat.crowd.asking
        with anyio.move_on_after(seconds) as scope:
            await asking.acquire()
        if scope.cancelled_caught:
            raise APITimeoutError(
                "this program asks for so much at once that the time was up before the turn came: "
                "allow more time, or ask for less at once",
                sent=False,
            )
        try:
            yield
        finally:
            asking.release()

    async def wait(
        self, name: str, *, timeout: float | None = None, seen: Petition | None = None
    ) -> Petition:
        """As `PetitionAPI.wait`.

        Args:
            seen: The petition as it was last seen, if it was: it is answered when the time is up
                and nothing has happened.
        """
        left = math.inf if timeout is None else timeout
        end = anyio.current_time() + left
        setbacks = 0
        while True:
            try:
                petition = await self._look(name, left, end, seen)
            except APIError as error:
                if not error.temporary or anyio.current_time() >= end:
                    raise
                setbacks += 1
                left = max(0.0, end - anyio.current_time())
                await anyio.sleep(min(pause(setbacks, error), left))
            else:
                left = end - anyio.current_time()
                if petition["state"]["status"]["phase"] != "open" or left <= 0:
                    return petition
                seen, setbacks = petition, 0
            left = max(0.0, end - anyio.current_time())

    async def _look(self, name: str, left: float, end: float, seen: Petition | None) -> Petition:
        """The petition when it is decided, or after a time as it is."""
        if self._seat.shares(name):
            if left <= 0:
                return await self._first_look(name, self._seat.wire.timeout)
            with contextlib.suppress(Alone):
                return await self._together(name, end, seen)
            left = max(0.0, end - anyio.current_time())
        alone = waiting(self._space, name, min(left, LONGEST_WAIT), anyio.current_time)
        return await self._seat.wire.run(alone)

    async def _together(self, name: str, end: float, seen: Petition | None) -> Petition:
        if seen is None:  # a stream tells only of what is not open
            seen = await self._first_look(name, end - anyio.current_time() + GRACE_SECONDS)
            if seen["state"]["status"]["phase"] != "open":
                return seen
        reply = await self._seat.wait(name, end - anyio.current_time())
        if reply is None:
            return seen
        petition = result(get(self._space, name), reply)
        if petition["name"] != name or petition["state"]["status"]["phase"] == "open":
            raise APIResponseError(
                f"the server mixes up answers: it told of {petition['name'][:80]!r}, which is "
                f"{petition['state']['status']['phase'][:80]!r}, to those who wait for {name}"
            )
        return petition

    async def _first_look(self, name: str, seconds: float) -> Petition:
        with anyio.move_on_after(seconds):
            async with self.turn(math.inf):
                return await self._seat.wire.run(once(get(self._space, name)))
        raise APITimeoutError("the server did not answer before the time was up", sent=True)


def get(space: str, name: str, wait: float = 0) -> Call[Petition]:
    return Call(
        "GET",
        f"{space}/petitions/{values.segment(name)}",
        read,
        query=values.query(wait=values.go_duration(round(wait, 3)) if wait else None),
        repeatable=True,
        patience=wait,
    )


def read(body: Any) -> Petition:
    return shaped(Petition, body, "petition")


def waiting(
    space: str,
    name: str,
    timeout: float | None,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = random.random,
) -> Steps[Petition]:
    """Ask again and again until the petition is not open or the time is up."""
    asked_at = clock()
    end = None if timeout is None else asked_at + timeout
    setbacks = 0
    while True:
        wait = LONGEST_WAIT if end is None else max(0.0, min(LONGEST_WAIT, end - asked_at))
        wanted = 0.0
        try:
            petition = yield from once(get(space, name, wait))
        except APIError as error:
            if not error.temporary or (end is not None and clock() >= end):
                raise
            setbacks += 1
            wanted = getattr(error, "retry_after", None) or 0.0
        else:
            if petition["state"]["status"]["phase"] != "open":
                return petition
            if end is not None and clock() >= end:
                return petition
            # a server that stops answers its waiters early: do not ask it in a tight loop
            setbacks = setbacks + 1 if clock() - asked_at < wait / 2 else 0
        if setbacks:
            pause = max(backoff(setbacks, chance), min(wanted, LONGEST_RETRY_AFTER))
            yield Pause(pause if end is None else min(pause, max(0.0, end - clock())))
        asked_at = clock()
