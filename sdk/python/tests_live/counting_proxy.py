"""Stands between clients and a server, and counts the connections."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Generator


class CountingProxy:
    """Hands bytes on. `url` is where clients reach it; `now` and `most` are open connections."""

    def __init__(self, server: str) -> None:
        self.url = ""
        self.now = 0
        self.most = 0
        host, port = server.removeprefix("http://").split(":")
        self._target = host, int(port)

    async def hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            from_there, there = await asyncio.open_connection(*self._target)
            try:
                await asyncio.gather(_copy(reader, there), _copy(from_there, writer))
            finally:
                there.close()
        except OSError:
            pass  # the server is away
        finally:
            writer.close()
            self.now -= 1


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0.1))


@contextlib.contextmanager
def counting_proxy(server: str) -> Generator[CountingProxy]:
    """A proxy in a thread of its own."""
    proxy = CountingProxy(server)
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(
        asyncio.start_server(proxy.hand_on, "127.0.0.1", 0, backlog=1024)
    )
    proxy.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=_serve, args=(loop,))
    thread.start()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(listening.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
