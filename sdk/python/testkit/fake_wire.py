"""What goes in and out of the fake server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    stream: Iterator[bytes] | None = None
    """Instead of a body: what is sent piece by piece, to who has a socket."""

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


def problem(
    status: int, code: str, message: str, at: str = "", headers: Mapping[str, str] | None = None
) -> Answer:
    body = {"status": status, "code": code, "message": message, "detail": message, "field": at}
    return Answer(status, body, {"Content-Type": "application/problem+json", **(headers or {})})


def page(request: Request, key: str, items: list[Json]) -> Answer:
    start = int(request.query.get("pageToken", "0"))
    size = int(request.query.get("pageSize", "50"))
    more = str(start + size) if start + size < len(items) else ""
    return Answer(200, {key: items[start : start + size], "nextPageToken": more})
