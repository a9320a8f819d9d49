"""Carries out what a call's generator says, over HTTP: `Wire` blocks, `AsyncWire` awaits.

This is the only module that does input and output.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import ssl
import time
import weakref
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Generator,
    Hashable,
    Iterator,
)
from typing import Any, TypeVar

import anyio
import httpx

from ._call import Call, Outcome, Pause, Reply, Retry, Send, Steps, attempts
from ._config import Settings
from ._version import __version__
from .errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APITimeoutError,
    ConfigurationError,
)
from .values import printable

T = TypeVar("T")

MOST_BYTES = 64 * 1024 * 1024
"""An answer larger than this is refused, and not kept in memory."""

CONNECT_SECONDS = 5.0
GRACE_SECONDS = 2.0
"""What a long-poll may take beyond the time that it was asked to wait."""

log = logging.getLogger("indentapi")

# each waiting petition holds a connection: a limit would make some of them wait for the others
_CONNECTIONS = httpx.Limits(max_connections=None, max_keepalive_connections=20)


class Wire:
    """Runs calls and blocks. May be used from several threads."""

    def __init__(
        self,
        settings: Settings,
        retry: Retry,
        timeout: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.settings = settings
        self.retry = retry
        self._timeout = timeout
        self._sleep = time.sleep
        self._http = httpx.Client(
            transport=transport,
            verify=_verify(settings),
            trust_env=not settings.loopback,
            limits=_CONNECTIONS,
        )
        # a script need not close: the connections go when the last namespace or list is gone
        weakref.finalize(self, self._http.close)

    def call(self, call: Call[T]) -> T:
        """Run a call, with its retries."""
        return self.run(attempts(call, self.retry))

    def run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                step = steps.send(self._carry_out(step))
        except StopIteration as done:
            return done.value

    def _carry_out(self, step: Send[Any] | Pause) -> Outcome:
        if isinstance(step, Pause):
            self._sleep(step.seconds)
            return None
        try:
            with self.open(step.call) as response:
                return self.whole(response)
        except APIError as error:
            return error

    @contextlib.contextmanager
    def open(self, call: Call[Any]) -> Generator[httpx.Response]:
        """The answer, its body not yet read; what the network does wrong is an `APIError`."""
        with _translated(call, self.settings):
            request = _request(self._http.build_request, call, self.settings, self._timeout)
            response = self._http.send(request, stream=True, follow_redirects=False)
            try:
                log.debug("%s %s answered %d", call.method, call.path, response.status_code)
                yield response
            finally:
                response.close()

    def whole(self, response: httpx.Response) -> Reply:
        """The answer, read to its end."""
        return _reply(response, b"".join(_limited(response.iter_bytes())), self.settings)

    def pause(self, seconds: float) -> None:
        self._sleep(seconds)

    def close(self) -> None:
        self._http.close()


class AsyncWire:
    """Runs calls and awaits, under asyncio or trio. Cancelling stops at once."""

    def __init__(
        self,
        settings: Settings,
        retry: Retry,
        timeout: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.settings = settings
        self.retry = retry
        self.timeout = timeout
        self.company: Hashable = settings if transport is None else self
        """Wires of the same company may do each other's work: they reach the same server, as the
        same, in the same way."""
        self._http = httpx.AsyncClient(
            transport=transport,
            verify=_verify(settings),
            trust_env=not settings.loopback,
            limits=_CONNECTIONS,
        )

    async def call(self, call: Call[T]) -> T:
        """Run a call, with its retries."""
        return await self.run(attempts(call, self.retry))

    async def run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                step = steps.send(await self._carry_out(step))
        except StopIteration as done:
            return done.value

    async def _carry_out(self, step: Send[Any] | Pause) -> Outcome:
        if isinstance(step, Pause):
            await anyio.sleep(step.seconds)
            return None
        try:
            async with self.open(step.call) as response:
                return await self.whole(response)
        except APIError as error:
            return error

    @contextlib.asynccontextmanager
    async def open(self, call: Call[Any]) -> AsyncGenerator[httpx.Response]:
        """As `Wire.open`, awaited."""
        with _translated(call, self.settings):
            request = _request(self._http.build_request, call, self.settings, self.timeout)
            response = await self._http.send(request, stream=True, follow_redirects=False)
            try:
                log.debug("%s %s answered %d", call.method, call.path, response.status_code)
                yield response
            finally:
                await response.aclose()

    async def whole(self, response: httpx.Response) -> Reply:
        """As `Wire.whole`, awaited."""
        chunks = [chunk async for chunk in _limited_async(response.aiter_bytes())]
        return _reply(response, b"".join(chunks), self.settings)

    async def pause(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def close(self) -> None:
        await self._http.aclose()


def _request(
    build: Callable[..., httpx.Request], call: Call[Any], settings: Settings, timeout: float
) -> httpx.Request:
    headers = {
        "Accept": "application/json",
        "User-Agent": f"indentapi-python/{__version__}",
        "Indent-Space": settings.space,
        **call.headers,
    }
    if call.with_token:
        headers["Authorization"] = f"Bearer {settings.token}"
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    read = call.patience + GRACE_SECONDS if call.patience else timeout
    return build(
        call.method,
        settings.url + call.path,
        params=dict(call.query) or None,
        headers=headers,
        content=call.content,
        timeout=httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout), read=read),
    )


@contextlib.contextmanager
def _translated(call: Call[Any], settings: Settings) -> Generator[None]:
    """Raises ours for what httpx raises, without the request: its headers have the token."""
    try:
        yield
    except httpx.DecodingError:
        raise APIResponseError("the server's answer is wrongly encoded") from None
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"INDENT_API_URL is not an address: {error}") from None
    except httpx.HTTPError as error:
        raise _connection_error(call, settings, error) from None


def _connection_error(
    call: Call[Any], settings: Settings, error: httpx.HTTPError
) -> APIConnectionError:
    why = settings.redact(printable(str(error))) or type(error).__name__
    # before the connection stands, nothing of the request can have left
    sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    if isinstance(error, httpx.TimeoutException):
        what = "did not answer in time" if sent else "could not be reached in time"
        return APITimeoutError(f"the server at {settings.url} {what} ({why})", sent=sent)
    if not sent:
        return APIConnectionError(
            f"cannot reach the server at {settings.url} ({why}). "
            "Is it running? `indent dev` starts one; INDENT_API_URL says where it is.",
            sent=False,
        )
    return APIConnectionError(
        f"the connection to {settings.url} broke during {call.method} {call.path} ({why})",
        sent=True,
    )


def _reply(response: httpx.Response, body: bytes, settings: Settings) -> Reply:
    headers = {k.lower(): v for k, v in response.headers.items()}
    if response.status_code >= 300:  # becomes an error's text
        body = settings.redact(body.decode("utf-8", "replace")).encode()
        headers = {k: settings.redact(v) for k, v in headers.items()}
    return Reply(response.status_code, headers, body)


def _limited(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size = _within_limit(size + len(chunk))
        yield chunk


async def _limited_async(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size = _within_limit(size + len(chunk))
        yield chunk


def _within_limit(size: int) -> int:
    if size > MOST_BYTES:
        raise APIResponseError(
            f"the server's answer is over {MOST_BYTES >> 20} MiB: ask for smaller pages"
        )
    return size


def _verify(settings: Settings) -> ssl.SSLContext | bool:
    # plain http has no certificate to check, and redirects to elsewhere are not followed
    return _certificates() if settings.url.startswith("https:") else False


@functools.cache
def _certificates() -> ssl.SSLContext:
    """One for all clients: loading the certificates costs more than a call does."""
    return httpx.create_ssl_context()
