"""`indent.event`: the audit log of the space, as a list and as a live stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from . import values
from ._call import Call, backoff, from_json, may_repeat, result
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from ._sse import Message, Parser
from ._wire import AsyncWire, Wire
from .errors import APIError, APIResponseError
from .types import Event

SILENCE_SECONDS = 45.0
"""The server says something every 15 seconds; after three times that the connection is dead."""


class EventAPI(Namespace):
    """Events of the space, the entries of its audit log.

    >>> from indentapi import IndentAPI
    >>> indent = IndentAPI()
    >>> pet = indent.petition.create(reason="a test", resources=[{"kind": "action", "id": "x"}])
    >>> [e["event"] for e in indent.event.list(petition=pet["name"])]
    ['access/request']
    """

    def list(
        self,
        *,
        petition: str | None = None,
        actor: str | None = None,
        event: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        ascending: bool = False,
        page_size: int | None = None,
    ) -> Pages[Event]:
        """Events, newest first, read page by page as you iterate.

        Args:
            petition: Only those of the petition of this name.
            actor: Only those of this actor, by address or id.
            event: Only of this sort, such as `"access/approve"`.
            since, until: Only from this time on, and before that one.
            ascending: Oldest first.
            page_size: 1 to 200 per request; 50 by default.
        """
        return self._pages(
            _list(self._space, petition, actor, event, since, until, ascending, page_size)
        )

    def stream(
        self,
        *,
        petition: str | None = None,
        actor: str | None = None,
        event: str | None = None,
        last_event_id: str | None = None,
    ) -> EventStream:
        """Events as they happen: `for event in indent.event.stream(): …`, without an end.

        It starts now, or after `last_event_id`, the `.last_event_id` of an earlier stream. It
        survives broken connections and restarts of the server without missing an event.
        """
        call = _stream(self._space, petition, actor, event)
        return EventStream(self._wire, call, _place(last_event_id))


class AsyncEventAPI(AsyncNamespace):
    """Events of the space: as `EventAPI`, awaited."""

    def list(
        self,
        *,
        petition: str | None = None,
        actor: str | None = None,
        event: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        ascending: bool = False,
        page_size: int | None = None,
    ) -> AsyncPages[Event]:
        """As `EventAPI.list`: `async for`, or `await` for all of them."""
        return self._pages(
            _list(self._space, petition, actor, event, since, until, ascending, page_size)
        )

    def stream(
        self,
        *,
        petition: str | None = None,
        actor: str | None = None,
        event: str | None = None,
        last_event_id: str | None = None,
    ) -> AsyncEventStream:
        """As `EventAPI.stream`: `async for event in indent.event.stream(): …`."""
        call = _stream(self._space, petition, actor, event)
        return AsyncEventStream(self._wire, call, _place(last_event_id))


class EventStream(Iterator[Event]):
    """Events as they happen. Iterate over it; close it, or use it in a `with`.

    When the connection breaks it connects again, and goes on after the last event that it has seen.
    """

    def __init__(self, wire: Wire, call: Call[Any], last_event_id: str) -> None:
        self.last_event_id = last_event_id
        """Where it stands. Give it to `event.stream` to go on there in another process."""
        self._wire = wire
        self._call = call
        self._events = self._read()

    def __next__(self) -> Event:
        return next(self._events)

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        self._events.close()

    def _read(self) -> Generator[Event, None, None]:
        setbacks, connected = 0, False
        while True:
            try:
                with self._wire.open(_after(self._call, self.last_event_id)) as response:
                    if response.status_code != 200:
                        result(self._call, self._wire.whole(response))
                    _expect_stream(response.headers.get("content-type", ""))
                    setbacks, connected, parser = 0, True, Parser()
                    for chunk in response.iter_bytes():
                        for message in parser.feed(chunk):
                            if message.id is not None:
                                self.last_event_id = message.id
                            if message.data:
                                yield _event(message)
            except APIError as error:
                if not _worth_another_try(error, self._call, connected, setbacks, self._wire):
                    raise
            setbacks += 1
            self._wire.pause(backoff(setbacks))


class AsyncEventStream(AsyncIterator[Event]):
    """As `EventStream`, awaited. Close it, or use it in an `async with`."""

    def __init__(self, wire: AsyncWire, call: Call[Any], last_event_id: str) -> None:
        self.last_event_id = last_event_id
        """Where it stands. Give it to `event.stream` to go on there in another process."""
        self._wire = wire
        self._call = call
        self._events = self._read()

    async def __anext__(self) -> Event:
        return await self._events.__anext__()

    async def __aenter__(self) -> AsyncEventStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Drop the connection."""
        await self._events.aclose()

    async def _read(self) -> AsyncGenerator[Event, None]:
        setbacks, connected = 0, False
        while True:
            try:
                async with self._wire.open(_after(self._call, self.last_event_id)) as response:
                    if response.status_code != 200:
                        result(self._call, await self._wire.whole(response))
                    _expect_stream(response.headers.get("content-type", ""))
                    setbacks, connected, parser = 0, True, Parser()
                    async for chunk in response.aiter_bytes():
                        for message in parser.feed(chunk):
                            if message.id is not None:
                                self.last_event_id = message.id
                            if message.data:
                                yield _event(message)
            except APIError as error:
                if not _worth_another_try(error, self._call, connected, setbacks, self._wire):
                    raise
            setbacks += 1
            await self._wire.pause(backoff(setbacks))


# ---- the calls, the same for both clients ----


def _list(
    space: str,
    petition: str | None,
    actor: str | None,
    event: str | None,
    since: datetime | str | None,
    until: datetime | str | None,
    ascending: bool,
    page_size: int | None,
) -> Call[Page[Event]]:
    query = values.query(
        petition=petition,
        actor=actor,
        event=event,
        since=None if since is None else values.moment(since),
        until=None if until is None else values.moment(until),
        ascending=ascending,
        pageSize=page_size,
    )
    return listing(f"{space}/events", "events", Event, query)


def _stream(space: str, petition: str | None, actor: str | None, event: str | None) -> Call[Any]:
    return Call(
        "GET",
        f"{space}/events:stream",
        lambda body: body,
        query=values.query(petition=petition, actor=actor, event=event),
        headers={"Accept": "text/event-stream", "Cache-Control": "no-store"},
        repeatable=True,
        patience=SILENCE_SECONDS,
    )


def _after(call: Call[Any], last_event_id: str) -> Call[Any]:
    if not last_event_id:
        return call
    return replace(call, headers={**call.headers, "Last-Event-ID": last_event_id})


def _place(last_event_id: str | None) -> str:
    return values.key(last_event_id) if last_event_id else ""


def _expect_stream(content_type: str) -> None:
    if not content_type.startswith("text/event-stream"):
        raise APIResponseError(f"the server answered {content_type[:80]!r} instead of a stream")


def _event(message: Message) -> Event:
    return shaped(Event, from_json(message.data.encode()), "event")


def _worth_another_try(
    error: APIError, call: Call[Any], connected: bool, setbacks: int, wire: Wire | AsyncWire
) -> bool:
    """Once it stood, the stream is set up again for ever; before, as often as any call."""
    if connected:
        return error.temporary
    return may_repeat(call, error) and setbacks < wire.retry.most
