"""The live stream of events: parsed in pieces of any size, set up again after every break."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Generator

import httpx
import pytest
from fake_indent import SPACE, TOKEN
from indentapi import (
    APIConnectionError,
    APIResponseError,
    AsyncIndentAPI,
    IndentAPI,
    NotFoundError,
)
from indentapi._sse import Message, Parser

SSE = {"Content-Type": "text/event-stream"}


def event(n: int) -> bytes:
    return f"id: {n}\ndata: {json.dumps({'event': 'access/request', 'id': f'e{n}'})}\n\n".encode()


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Some bytes, and then a break or a proper end."""

    def __init__(self, content: bytes, broken: bool) -> None:
        self.content, self.broken = content, broken

    def __iter__(self) -> Generator[bytes]:
        yield self.content
        if self.broken:
            raise httpx.ReadError("made to break")

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        for part in self:
            yield part


Handler = Callable[[httpx.Request], httpx.Response]


def server(*answers: httpx.Response | Exception) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    left, seen = list(answers), list[httpx.Request]()

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.MockTransport(handle), seen


def stream(content: bytes, *, broken: bool = False) -> httpx.Response:
    return httpx.Response(200, headers=SSE, stream=Body(content, broken))


def test_events_arrive_across_breaks_and_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indentapi.event.backoff", lambda _: 0.0)  # pyright: ignore
    transport, seen = server(
        stream(b": hello\n\n" + event(1) + event(2) + b"id: 3\nda", broken=True),
        httpx.ConnectError("restarting"),
        httpx.Response(503),
        stream(event(3)),
        stream(event(4)),
    )
    with IndentAPI(SPACE, TOKEN, transport=transport).event.stream(petition="p") as events:
        assert [next(events)["id"] for _ in range(4)] == ["e1", "e2", "e3", "e4"]
        assert events.last_event_id == "4"
    assert [r.headers.get("last-event-id") for r in seen] == [None, "2", "2", "2", "3"]
    assert seen[0].url.path == f"/v1/spaces/{SPACE}/events:stream"
    assert seen[0].url.params["petition"] == "p"
    assert seen[0].headers["accept"] == "text/event-stream"


# trio warns of generators inside httpx that are left unfinished
@pytest.mark.filterwarnings("ignore:Async generator 'httpx:ResourceWarning")
@pytest.mark.anyio
async def test_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indentapi.event.backoff", lambda _: 0.0)  # pyright: ignore
    transport, seen = server(
        stream(event(1), broken=True), httpx.ConnectError("away"), stream(event(2))
    )
    got: list[str] = []
    async with AsyncIndentAPI(SPACE, TOKEN, transport=transport) as indent:
        async with indent.event.stream(last_event_id="0") as events:
            async for e in events:
                got.append(e["id"])
                if len(got) == 2:
                    break
        assert events.last_event_id == "2"
    assert got == ["e1", "e2"]
    assert [r.headers.get("last-event-id") for r in seen] == ["0", "1", "1"]


def test_a_place_without_an_event_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server may say at the start where the stream stands: then a break loses nothing."""
    monkeypatch.setattr("indentapi.event.backoff", lambda _: 0.0)  # pyright: ignore
    transport, seen = server(stream(b"id: 7\n\n", broken=True), stream(event(8)))
    with IndentAPI(SPACE, TOKEN, transport=transport).event.stream() as events:
        assert next(events)["id"] == "e8"
    assert seen[1].headers["last-event-id"] == "7"


def test_a_stream_that_never_stood_is_not_tried_for_ever() -> None:
    transport, seen = server(httpx.ConnectError("away"))
    indent = IndentAPI(SPACE, TOKEN, transport=transport, max_retries=0)
    with pytest.raises(APIConnectionError):
        next(indent.event.stream())
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("answer", "cls"),
    [
        (httpx.Response(404, json={"message": "no", "code": "not_found"}), NotFoundError),
        (httpx.Response(200, json={}), APIResponseError),
        (stream(b"data: {}\n\n"), APIResponseError),
        (stream(b"data: nothing\n\n"), APIResponseError),
    ],
)
def test_what_is_no_stream_is_an_error(answer: httpx.Response, cls: type[Exception]) -> None:
    transport, _ = server(answer)
    with pytest.raises(cls):
        next(IndentAPI(SPACE, TOKEN, transport=transport).event.stream())


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_messages_in_pieces_of_any_size(size: int) -> None:
    raw = (
        ": comment\n\nid: 1\ndata: ä\u2028b\n\nid:2\r\ndata:c\r\ndata: d\r\n\r\n"
        "event: x\ndata\n\nid: a\x00b\ndata: e\n\ndata: unfinished\n"
    ).encode()
    parser = Parser()
    got = [m for i in range(0, len(raw), size) for m in parser.feed(raw[i : i + size])]
    assert got == [
        Message("ä\u2028b", "1"),
        Message("c\nd", "2"),
        Message("", None, "x"),
        Message("e", None),
    ]


def test_a_message_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indentapi._sse.MOST_BYTES", 100)
    with pytest.raises(APIResponseError, match="event of the stream"):
        list(Parser().feed(b"data: " + b"x" * 200))
    with pytest.raises(APIResponseError, match="event of the stream"):
        list(Parser().feed(b"data: xxxxxxxxxxxxxxxxxxxx\n" * 10))
