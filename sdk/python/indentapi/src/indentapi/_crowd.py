"""Many waits of one event loop share a few streams (`POST …/petitions:wait`).

There is no task in the background: each stream is read by a task of somebody who waits (its host),
inside the host's own task group. When the host leaves, another one who waits sets the stream up
again. So nothing outlives those who wait, and cancelling means what it always means.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import math
import re
from collections.abc import AsyncGenerator, Callable, Hashable, Iterable
from typing import Any, cast

import anyio
import anyio.abc
from anyio.lowlevel import RunVar

from ._call import LONGEST_RETRY_AFTER, Call, Reply, backoff, from_json, result
from ._namespace import space_path
from ._sse import Message, Parser
from ._wire import AsyncWire
from .errors import (
    APIError,
    APIResponseError,
    APIStatusError,
    AuthenticationError,
    PermissionDeniedError,
)

FEW = 4
"""So many waits at once have a connection each; more of them share."""
MOST_ASKING = 8
"""So many of those who share the streams are answered at once when they ask for something else."""
GATHER_SECONDS = 0.05
"""For so long the names of new waits are gathered before they go on a stream of their own."""
GROWTH = 3
"""A stream that is at most so many times as large as what is new becomes one with it: streams are
few, as each is several times as large as the next one, and a name seldom moves."""
MOST_NAMES = 10_000
"""So many petitions one stream may wait for."""
OLD_SECONDS = 60.0
"""For so long a server that knows no streams is not asked for one again."""
FIRST_WORD_SECONDS = 10.0
"""A server speaks at once when it attends to all. One that does not is behind something that keeps
back what it says: no decision shall be kept back by it."""
SILENCE_SECONDS = 45.0
"""After so long without a word a connection counts as dead: the server says something every 15."""
END_SECONDS = 1.0
"""A stream whose names are all told of ends by itself; after so long it is ended."""

log = logging.getLogger("indentapi")


class Alone(Exception):
    """There is no stream here: each waits for itself."""


class Seat:
    """The place of one wait in its crowd."""

    def __init__(self, crowd: Crowd, wire: AsyncWire, group: anyio.abc.TaskGroup) -> None:
        self.crowd = crowd
        self.wire = wire
        self.group = group
        self.name = ""
        """What it waits for on a stream, or soon will; empty while it does not."""
        self.news: Reply | APIError | Alone | None = None
        self.told = anyio.Event()

    def shares(self, name: str) -> bool:
        """Whether the wait for this petition should be on a stream."""
        return name == self.name or (self.crowd.shares and _is_uuid(name))

    async def wait(self, name: str, seconds: float) -> Reply | None:
        """What the petition became, None when nothing was told in so many seconds.

        Raises `Alone`, or why it cannot be known.
        """
        if self.news is None:
            self.crowd.sit(self, name)
        with anyio.move_on_after(seconds):
            await self.told.wait()
        news, self.news = self.news, None
        if news is None:
            news = self.crowd.trouble(name)
        else:
            self.told = anyio.Event()
        if isinstance(news, Exception):
            raise copy.copy(news)  # one for each: raised twice, it would collect both tracebacks
        return news


@contextlib.asynccontextmanager
async def seated(wire: AsyncWire) -> AsyncGenerator[Seat]:
    """A place among all who wait in this event loop for the same space with the same token."""
    failure: BaseException | None = None
    async with anyio.create_task_group() as group:
        seat = Seat(_crowd_of(wire), wire, group)
        seat.crowd.size += 1
        try:
            yield seat
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:
            failure = error  # not through the group, which would wrap it
        finally:
            seat.crowd.leave(seat)
        group.cancel_scope.cancel()
    try:
        if failure is not None:
            raise failure
    finally:
        del failure  # it knows this frame


_crowds: RunVar[dict[Hashable, Crowd]] = RunVar("indentapi_crowds")


def _crowd_of(wire: AsyncWire) -> Crowd:
    try:
        crowds = _crowds.get()
    except LookupError:
        crowds = dict[Hashable, Crowd]()
        _crowds.set(crowds)
    key = wire.company
    return crowds.setdefault(key, Crowd(lambda: crowds.pop(key, None)))


class Stream:
    """One connection that many wait on."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = set(names)
        """Those that were not told of."""
        self.trouble: APIError | None = None
        """Why it broke; None while it stands."""
        self.stood = False
        """Whether the server has said anything since it was last set up."""
        self.scope = anyio.CancelScope()


class Crowd:
    """All who wait in one event loop for decisions of one space of one server with one token."""

    def __init__(self, over: Callable[[], object]) -> None:
        self.size = 0
        self.asking = anyio.Semaphore(MOST_ASKING)
        self._over = over
        self._seats: dict[str, list[Seat]] = {}
        self._on: dict[str, Stream] = {}
        self._fresh: dict[str, None] = {}
        """Names that somebody waits for and that are on no stream, in the order they came."""
        self._gathering = False
        self._streams: set[Stream] = set()
        self._old_until = -math.inf

    @property
    def shares(self) -> bool:
        return self.size > FEW and anyio.current_time() >= self._old_until

    def trouble(self, name: str) -> APIError | None:
        stream = self._on.get(name)
        return stream.trouble if stream else None

    # ---- who waits ----

    def sit(self, seat: Seat, name: str) -> None:
        if seat.name == name:
            return
        self._stand_up(seat)
        seat.name = name
        self._seats.setdefault(name, []).append(seat)
        if name not in self._on:
            self._fresh[name] = None
        self._find_host()

    def leave(self, seat: Seat) -> None:
        self._stand_up(seat)
        self.size -= 1
        if not self.size:
            self._over()

    def _stand_up(self, seat: Seat) -> None:
        if seats := self._seats.get(seat.name):
            seats.remove(seat)
            if not seats:
                self._forget(seat.name)
        seat.name = ""

    def _tell(self, name: str, news: Reply | APIError | Alone) -> None:
        """Hand news to all who wait for the petition."""
        for seat in self._seats.get(name, ()):
            seat.name, seat.news = "", news
            seat.told.set()
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._seats.pop(name, None)
        self._fresh.pop(name, None)
        if stream := self._on.pop(name, None):
            stream.names.discard(name)
            if not stream.names:
                stream.scope.deadline = anyio.current_time() + END_SECONDS

    # ---- who hosts ----

    def _find_host(self, but: Seat | None = None) -> None:
        """Let somebody who waits set up a stream for the names that are on none."""
        if not self._fresh or self._gathering:
            return
        # who came last is likely to stay longest
        for name in reversed(self._fresh):
            for seat in reversed(self._seats[name]):
                if seat is not but:
                    self._gathering = True
                    seat.group.start_soon(self._host, seat)
                    return
        for name in list(self._fresh):
            self._tell(name, Alone())

    async def _host(self, host: Seat) -> None:
        """Gather names, and keep a stream up for them, in a task of the host."""
        stream = None
        try:
            await anyio.sleep(GATHER_SECONDS)
            stream = self._begun()
            with stream.scope:
                await self._keep_up(stream, host.wire)
        finally:
            if stream is None:
                self._gathering = False
            else:
                self._end(stream)
            self._find_host(but=host)

    def _begun(self) -> Stream:
        """A stream for what was gathered, and for the names of streams that are not much larger."""
        self._gathering = False
        names = list(self._fresh)[:MOST_NAMES]
        for stream in sorted(self._streams, key=lambda s: len(s.names)):
            size = len(stream.names)
            if size > GROWTH * len(names) or size + len(names) > MOST_NAMES:
                break
            names += stream.names
            stream.names.clear()
            stream.scope.cancel()
        made = Stream(names)
        self._streams.add(made)
        for name in names:
            self._fresh.pop(name, None)
            self._on[name] = made
        self._find_host()  # for those that are too many for this one
        return made

    def _end(self, stream: Stream) -> None:
        self._streams.discard(stream)
        for name in stream.names:
            del self._on[name]
            self._fresh[name] = None
        stream.names.clear()

    # ---- the stream ----

    async def _keep_up(self, stream: Stream, wire: AsyncWire) -> None:
        """Until all its names are told of, or wanted by nobody, or on another stream."""
        setbacks = 0
        while stream.names:
            try:
                await self._read(stream, wire)
                stream.trouble = None
            except APIError as error:
                if not error.temporary:
                    self._give_up(stream, error)
                    return
                stream.trouble = copy.copy(error)
            except Alone as error:
                self._give_up(stream, error)
                return
            except Exception as error:  # ours or the host's: it must not end what others wait for
                log.warning("a stream of petitions failed", exc_info=error)
                self._give_up(stream, Alone())
                return
            setbacks = 1 if stream.stood else setbacks + 1
            await anyio.sleep(pause(setbacks, stream.trouble))

    def _give_up(self, stream: Stream, error: APIError | Alone) -> None:
        """Tell all why it cannot be: who may not is told so, else each waits for itself."""
        if not isinstance(error, AuthenticationError | PermissionDeniedError):
            error = Alone()
            self._old_until = anyio.current_time() + OLD_SECONDS
        for name in list(stream.names):
            self._tell(name, error)

    async def _read(self, stream: Stream, wire: AsyncWire) -> None:
        """Connect, and tell what comes until the server ends it."""
        stream.stood, parser = False, Parser()
        call = _call(wire, stream.names)
        with anyio.move_on_after(FIRST_WORD_SECONDS) as first_word:
            async with wire.open(call) as response:
                if response.status_code != 200:
                    result(call, await wire.whole(response))
                if not response.headers.get("content-type", "").startswith("text/event-stream"):
                    raise Alone
                async for chunk in response.aiter_bytes():
                    first_word.deadline = math.inf
                    stream.stood, stream.trouble = True, None
                    for message in parser.feed(chunk):
                        self._hear(message, wire)
        if first_word.cancelled_caught:
            raise Alone

    def _hear(self, message: Message, wire: AsyncWire) -> None:
        data = message.data.encode()
        if message.kind == "petition":
            self._tell(message.id or "", Reply(200, {}, data))
        elif message.kind == "problem":
            text = wire.settings.redact(message.data).encode()
            self._tell(message.id or "", Reply(_status(text), {}, text))


def pause(setbacks: int, error: APIError | None) -> float:
    """Seconds before the next attempt, after so many setbacks in a row."""
    wanted = error.retry_after if isinstance(error, APIStatusError) else None
    return max(backoff(setbacks), min(wanted or 0.0, LONGEST_RETRY_AFTER))


def _call(wire: AsyncWire, names: Iterable[str]) -> Call[Any]:
    return Call(
        "POST",
        f"{space_path(wire.settings.space)}/petitions:wait",
        lambda body: body,
        headers={"Accept": "text/event-stream", "Cache-Control": "no-store"},
        body={"names": sorted(names)},
        patience=SILENCE_SECONDS,
    )


def _status(problem: bytes) -> int:
    """The status that a problem document names."""
    try:
        status = cast("Any", from_json(problem))["status"]
    except (APIResponseError, TypeError, LookupError):
        return 500
    return status if type(status) is int and 400 <= status < 600 else 500


def _is_uuid(name: str) -> bool:
    """Whether the server surely takes the name: one that it refuses would end the whole stream."""
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", name) is not None
