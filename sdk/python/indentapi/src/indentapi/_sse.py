"""Server-sent events (the WHATWG HTML standard, "Server-sent events"): bytes in, messages out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .errors import APIResponseError

MOST_BYTES = 8 * 1024 * 1024
"""A message larger than this is refused, and not kept in memory."""


@dataclass(frozen=True)
class Message:
    """What stands between two empty lines. `id` is None when the message has none."""

    data: str
    id: str | None
    kind: str = ""
    """What the message calls itself with `event:`."""


@dataclass
class Parser:
    """Give it what arrives, in pieces of any size."""

    _rest: bytes = b""
    _data: list[str] = field(default_factory=list[str])
    _size: int = 0
    _id: str | None = None
    _kind: str = ""

    def feed(self, chunk: bytes) -> Iterator[Message]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            yield from self._line(line.removesuffix(b"\r").decode("utf-8", "replace"))
        if len(self._rest) + self._size > MOST_BYTES:
            raise APIResponseError(f"an event of the stream is over {MOST_BYTES >> 20} MiB")

    def _line(self, line: str) -> Iterator[Message]:
        if not line:
            if self._data or self._id is not None:
                yield Message("\n".join(self._data), self._id, self._kind)
            self._data, self._size, self._id, self._kind = [], 0, None, ""
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(line) + 1  # an empty line takes memory, too
        elif name == "event":
            self._kind = value[:200]
        elif name == "id" and re.fullmatch(r"[ -~]{0,200}", value):  # it goes back in a header
            self._id = value
