"""Many who wait in one event loop share a few streams: on virtual time, without a network."""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import anyio
import httpx
import pytest
import trio
import trio.testing
from fake_indent import SPACE, TOKEN
from indentapi import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APITimeoutError,
    AsyncIndentAPI,
    AuthenticationError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
)
from indentapi._crowd import FEW, GATHER_SECONDS, MOST_ASKING

Names = list[str]
NEVER = 10**9


def name_of(n: int) -> str:
    return f"0199c1e2-0000-7000-8000-{n:012d}"


class Stream(httpx.AsyncByteStream):
    """What a server says on a stream: pieces, and how long before each."""

    def __init__(self, *pieces: tuple[float, str]) -> None:
        self.pieces = pieces

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        for seconds, text in self.pieces:
            await anyio.sleep(seconds)
            yield text.encode()


class Server:
    """Answers on virtual time. What is decided, and when, is said by `decided`."""

    def __init__(self, decided: float = NEVER) -> None:
        self.decided = decided
        self.outages: list[tuple[float, float]] = []
        self.look_seconds = 0.0
        self.look_status = 200
        self.streamed: list[Names] = []
        self.looks = 0
        self.long_polls = 0
        self.busy = 0
        self.most_busy = 0
        self.on_stream: Callable[[Names], Awaitable[httpx.Response]] = self.stand

    def client(self, **options: Any) -> AsyncIndentAPI:
        return AsyncIndentAPI(SPACE, TOKEN, transport=httpx.MockTransport(self.answer), **options)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self._away(request)
        if request.url.path.endswith("/petitions:wait"):
            names = json.loads(request.content)["names"]
            assert request.method == "POST"
            assert request.headers["accept"] == "text/event-stream"
            self.streamed.append(names)
            return await self.on_stream(names)
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        try:
            return await self._get(request)
        finally:
            self.busy -= 1

    async def _get(self, request: httpx.Request) -> httpx.Response:
        wait = request.url.params.get("wait")
        if wait is None:
            self.looks += 1
            await anyio.sleep(self.look_seconds)
        else:
            self.long_polls += 1
            seconds = float(wait[:-2]) / 1000 if wait.endswith("ms") else float(wait[:-1])
            await anyio.sleep(max(0, min(seconds, self.decided - anyio.current_time())))
            self._away(request)
        if self.look_status != 200:
            return httpx.Response(self.look_status, json={"message": "no more"})
        return httpx.Response(200, json=self.petition(request.url.path.rpartition("/")[2]))

    def _away(self, request: httpx.Request) -> None:
        if any(a <= anyio.current_time() < b for a, b in self.outages):
            raise httpx.ConnectError("away", request=request)

    def petition(self, name: str) -> dict[str, Any]:
        phase = "granted" if anyio.current_time() >= self.decided else "open"
        return {"name": name, "spaceName": SPACE, "state": {"status": {"phase": phase}}}

    async def stand(self, names: Names) -> httpx.Response:
        """Tells of all when they are decided, with a sign of life every 15 seconds."""

        async def pieces() -> AsyncGenerator[bytes]:
            yield b"retry: 1000\n\n: alive\n\n"
            while (left := self.decided - anyio.current_time()) > 0:
                await anyio.sleep(min(15, left))
                yield b": alive\n\n"
            for name in names:
                yield event("petition", name, self.petition(name))
            yield b"event: end\ndata: {}\n\n"

        return stream_of(pieces)


class Generated(httpx.AsyncByteStream):
    def __init__(self, pieces: Callable[[], AsyncGenerator[bytes]]) -> None:
        self.pieces = pieces

    def __aiter__(self) -> AsyncGenerator[bytes]:
        return self.pieces()


def stream_of(pieces: Callable[[], AsyncGenerator[bytes]]) -> httpx.Response:
    headers = {"Content-Type": "text/event-stream"}
    return httpx.Response(200, headers=headers, stream=Generated(pieces))


def said(*pieces: tuple[float, str]) -> httpx.Response:
    return httpx.Response(
        200, headers={"Content-Type": "text/event-stream"}, stream=Stream(*pieces)
    )


def event(kind: str, name: str, body: Any) -> bytes:
    return f"event: {kind}\nid: {name}\ndata: {json.dumps(body)}\n\n".encode()


def virtually(main: Callable[[], Awaitable[None]]) -> None:
    """Runs it on a clock that jumps to the next thing that happens."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(main, clock=clock)  # anyio 4.4 does not hand the clock on
    gc.collect()  # an async generator that was left behind would warn, and a warning is an error


Ended = tuple[Any, float]
"""A phase or an error, and after how many seconds."""


async def at_once(
    server: Server, many: int, wait: Callable[[AsyncIndentAPI, int], Awaitable[Any]]
) -> list[Ended]:
    """So many wait at the same moment; answers how each came out."""
    ended: list[Ended] = [(None, 0)] * many

    async def one(n: int) -> None:
        start = anyio.current_time()
        try:
            came: Any = (await wait(indent, n))["state"]["status"]["phase"]
        except APIError as error:
            came = error
        ended[n] = came, round(anyio.current_time() - start, 6)

    async with server.client() as indent, anyio.create_task_group() as group:
        for n in range(many):
            group.start_soon(one, n)
    return ended


def test_a_thousand_are_told_the_moment_it_is_decided() -> None:
    async def main() -> None:
        server = Server(decided=100)
        ended = await at_once(server, 1000, lambda i, n: i.petition.wait(name_of(n)))
        assert ended == [("granted", 100)] * 1000
        assert sum(map(len, server.streamed)) == 1000, "who began alone joins the others"
        assert len(server.streamed) <= 3
        assert server.most_busy <= FEW + MOST_ASKING
        assert server.looks == 1000 - FEW

    virtually(main)


def test_few_have_a_connection_each() -> None:
    async def main() -> None:
        server = Server(decided=100)
        ended = await at_once(server, FEW, lambda i, n: i.petition.wait(name_of(n)))
        assert ended == [("granted", 100)] * FEW
        assert server.streamed == []

    virtually(main)


@pytest.mark.parametrize("look_seconds", [0, 3])
def test_each_has_its_own_deadline_to_the_moment(look_seconds: float) -> None:
    async def main() -> None:
        server = Server()
        server.look_seconds = look_seconds
        ended = await at_once(
            server, 16, lambda i, n: i.petition.wait(name_of(n), timeout=float(10 + n))
        )
        assert ended == [("open", 10 + n) for n in range(16)]
        assert server.streamed

    virtually(main)


def test_a_server_that_hangs_holds_no_deadline() -> None:
    async def main() -> None:
        server = Server()
        server.look_seconds = NEVER
        ended = await at_once(server, 30, lambda i, n: i.petition.wait(name_of(n), timeout=10.0))
        hung = [seconds for came, seconds in ended if isinstance(came, APITimeoutError)]
        assert hung == [12] * (30 - FEW), "the grace of an answer"

    virtually(main)


def test_no_time_is_one_look_also_among_many() -> None:
    async def main() -> None:
        server = Server()
        ended = await at_once(server, 30, lambda i, n: i.petition.wait(name_of(n), timeout=0))
        assert ended == [("open", 0)] * 30
        assert server.streamed == []

    virtually(main)


def test_a_wait_in_pieces_keeps_its_place() -> None:
    async def main() -> None:
        server = Server(decided=100)

        async def pieces(indent: AsyncIndentAPI, n: int) -> Any:
            async with indent.petition.watch() as watch:
                seen = await watch.wait(name_of(n), timeout=2)
                while seen["state"]["status"]["phase"] == "open":
                    seen = await watch.wait(name_of(n), timeout=2, seen=seen)
                return seen

        assert await at_once(server, 50, pieces) == [("granted", 100)] * 50
        assert sum(map(len, server.streamed)) == 50, "each name was sent once"
        assert server.looks == 50 - FEW

    virtually(main)


def test_one_petition_that_many_wait_for_is_asked_for_once() -> None:
    async def main() -> None:
        server = Server(decided=100)
        ended = await at_once(server, 20, lambda i, n: i.petition.wait(name_of(0)))
        assert ended == [("granted", 100)] * 20
        assert server.streamed == [[name_of(0)]]

    virtually(main)


def test_waits_that_come_one_by_one_end_up_on_few_streams() -> None:
    async def main() -> None:
        server, many = Server(decided=100), 400

        async def late(indent: AsyncIndentAPI, n: int) -> Any:
            await anyio.sleep(n * 2 * GATHER_SECONDS)
            return await indent.petition.wait(name_of(n))

        assert await at_once(server, many, late) == [("granted", 100)] * many
        assert sum(map(len, server.streamed)) < 10 * many

    virtually(main)


def test_the_host_may_leave_at_any_time() -> None:
    """Each in turn is cancelled, whoever it is that reads the stream for the others."""

    async def main() -> None:
        server, many = Server(decided=1000), 40

        async def cancelled(indent: AsyncIndentAPI, n: int) -> Any:
            with anyio.move_on_after(n + 1) as scope:
                return await indent.petition.wait(name_of(n))
            assert scope.cancelled_caught
            return server.petition(name_of(n))

        ended = await at_once(server, many, cancelled)
        assert ended == [("open", n + 1) for n in range(many)]

        async def half(indent: AsyncIndentAPI, n: int) -> Any:
            return await (indent.petition.wait(name_of(n)) if n % 2 else cancelled(indent, n))

        left = 1000 - anyio.current_time()
        ended = await at_once(server, many, half)
        assert ended == [("granted", left) if n % 2 else ("open", n + 1) for n in range(many)]

    virtually(main)


def test_an_outage_is_waited_out_and_soon_over() -> None:
    async def main() -> None:
        server = Server(decided=30)
        server.outages = [(20, 80)]

        async def breaking(names: Names) -> httpx.Response:
            if anyio.current_time() < 20:
                return said((0, ": alive\n\n"), (20, ""))  # ends, without "end"
            return await server.stand(names)

        server.on_stream = breaking
        ended = await at_once(server, 30, lambda i, n: i.petition.wait(name_of(n)))
        assert {came for came, _ in ended} == {"granted"}
        assert max(seconds for _, seconds in ended) <= 80 + 5

    virtually(main)


def test_an_outage_at_the_end_is_an_error_and_no_decision() -> None:
    async def main() -> None:
        server = Server()
        server.outages = [(5, NEVER)]

        async def breaking(_: Names) -> httpx.Response:
            return said((0, ": alive\n\n"), (5, ""))

        server.on_stream = breaking
        ended = await at_once(server, 30, lambda i, n: i.petition.wait(name_of(n), timeout=20))
        for came, seconds in ended:
            assert isinstance(came, APIConnectionError)
            assert seconds == 20
        assert len({id(came) for came, _ in ended}) == 30, "each has an error of its own"

    virtually(main)


@pytest.mark.parametrize(
    ("status", "cls"), [(401, AuthenticationError), (403, PermissionDeniedError)]
)
def test_a_token_that_ends_in_the_middle_ends_all(status: int, cls: type[Exception]) -> None:
    async def main() -> None:
        server = Server()

        async def once(_: Names) -> httpx.Response:
            if len(server.streamed) > 1:
                server.look_status = status
                return httpx.Response(status, json={"message": f"no more {TOKEN}"})
            return said((0, ": alive\n\n"), (60, ""))

        server.on_stream = once
        ended = await at_once(server, 30, lambda i, n: i.petition.wait(name_of(n)))
        assert {type(came) for came, _ in ended} == {cls}
        assert len({id(came) for came, _ in ended}) == 30, "each has an error of its own"
        assert not any(TOKEN in str(came) for came, _ in ended)

    virtually(main)


async def _no_such_route(_: Names) -> httpx.Response:
    return httpx.Response(404, json={"code": "not_found", "message": "no such route"})


async def _a_page(_: Names) -> httpx.Response:
    return httpx.Response(200, text="<html>")


async def _headers_kept_back(_: Names) -> httpx.Response:
    await anyio.sleep(NEVER)
    raise AssertionError


async def _events_kept_back(_: Names) -> httpx.Response:
    return said((NEVER, ""))


async def _a_redirect(_: Names) -> httpx.Response:
    return httpx.Response(302, headers={"Location": "https://elsewhere.example"})


@pytest.mark.parametrize(
    "on_stream",
    [_no_such_route, _a_page, _headers_kept_back, _events_kept_back, _a_redirect],
)
def test_without_streams_each_waits_for_itself(
    on_stream: Callable[[Names], Awaitable[httpx.Response]],
) -> None:
    async def main() -> None:
        server = Server(decided=50)
        server.on_stream = on_stream
        ended = await at_once(server, 30, lambda i, n: i.petition.wait(name_of(n)))
        assert ended == [("granted", 50)] * 30
        assert len(server.streamed) == 1, "it is not asked for again at once"

    virtually(main)


def test_what_is_not_there_is_not_found_and_harms_no_other() -> None:
    async def main() -> None:
        server = Server(decided=50)

        async def one_is_gone(names: Names) -> httpx.Response:
            gone = {"status": 404, "code": "not_found", "message": f"gone {TOKEN}"}

            async def pieces() -> AsyncGenerator[bytes]:
                yield event("problem", name_of(7), gone)
                await anyio.sleep(50 - anyio.current_time())
                for name in names:
                    yield event("petition", name, server.petition(name))

            return stream_of(pieces)

        server.on_stream = one_is_gone
        ended = await at_once(server, 30, lambda i, n: i.petition.wait(name_of(n)))
        came, _ = ended.pop(7)
        assert isinstance(came, NotFoundError)
        assert TOKEN not in str(came)
        assert ended == [("granted", 50)] * 29

    virtually(main)


@pytest.mark.parametrize(
    "told",
    [
        {"name": "other", "spaceName": SPACE, "state": {"status": {"phase": "granted"}}},
        {"name": name_of(9), "spaceName": SPACE, "state": {"status": {"phase": "open"}}},
        {"name": 1},
        [],
        "granted",
    ],
)
def test_nonsense_on_a_stream_is_an_error_and_no_decision(told: Any) -> None:
    async def main() -> None:
        server = Server(decided=50)

        async def nonsense(_: Names) -> httpx.Response:
            return said((0, event("petition", name_of(9), told).decode()), (50, ""))

        server.on_stream = nonsense
        async with server.client() as indent, anyio.create_task_group() as group:
            for n in range(5):
                group.start_soon(indent.petition.wait, name_of(n))
            await anyio.sleep(1)
            with pytest.raises(APIResponseError):
                await indent.petition.wait(name_of(9))
            group.cancel_scope.cancel()

    virtually(main)


@pytest.mark.parametrize("status", [500, 503, "x", None, True, 200, 10**9])
def test_a_problem_that_passes_is_asked_again(status: Any) -> None:
    async def main() -> None:
        server = Server(decided=50)

        async def troubled(names: Names) -> httpx.Response:
            if len(server.streamed) > 3:
                return await server.stand(names)
            problems = [event("problem", n, {"status": status}).decode() for n in names]
            return said((0, "".join(problems)))

        server.on_stream = troubled
        ended = await at_once(server, 30, lambda i, n: i.petition.wait(name_of(n)))
        assert {came for came, _ in ended} == {"granted"}

    virtually(main)


def test_a_problem_that_lasts_is_an_error_at_the_end() -> None:
    async def main() -> None:
        server = Server()

        async def troubled(names: Names) -> httpx.Response:
            return said((0, "".join(event("problem", n, {"status": 500}).decode() for n in names)))

        server.on_stream = troubled
        ended = await at_once(server, 30, lambda i, n: i.petition.wait(name_of(n), timeout=20))
        assert {type(came) for came, _ in ended} <= {InternalServerError, str}
        assert max(seconds for _, seconds in ended) == 20

    virtually(main)


def test_a_turn_that_does_not_come_is_told() -> None:
    async def main() -> None:
        async with Server().client() as indent, anyio.create_task_group() as group:

            async def hold() -> None:
                async with indent.petition.watch() as watch, watch.turn(1):
                    await anyio.sleep(NEVER)

            for _ in range(MOST_ASKING):
                group.start_soon(hold)
            await anyio.sleep(1)
            async with indent.petition.watch() as watch:
                with pytest.raises(APITimeoutError, match="asks for so much at once"):
                    async with watch.turn(5):
                        raise AssertionError
            group.cancel_scope.cancel()

    virtually(main)
