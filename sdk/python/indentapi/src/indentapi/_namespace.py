"""What `indent.petition`, `indent.resource` and the others have in common."""

from __future__ import annotations

from typing import TypeVar

from ._call import Call
from ._pages import AsyncPages, Page, Pages
from ._wire import AsyncWire, Wire
from .values import segment

T = TypeVar("T")


class Namespace:
    """Calls of the blocking client."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._space = space_path(wire.settings.space)

    def _call(self, call: Call[T]) -> T:
        return self._wire.call(call)

    def _pages(self, first: Call[Page[T]]) -> Pages[T]:
        return Pages(first, self._wire.call)


class AsyncNamespace:
    """Calls of the awaiting client."""

    def __init__(self, wire: AsyncWire) -> None:
        self._wire = wire
        self._space = space_path(wire.settings.space)

    async def _call(self, call: Call[T]) -> T:
        return await self._wire.call(call)

    def _pages(self, first: Call[Page[T]]) -> AsyncPages[T]:
        return AsyncPages(first, self._wire.call)


def space_path(space: str) -> str:
    return f"/v1/spaces/{segment(space)}"
