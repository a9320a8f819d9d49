"""Lists that come in pages: asked for one by one, as they are needed."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, overload

from ._call import Call
from ._shape import shaped
from .errors import APIResponseError

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list. `next_token` is empty on the last one."""

    items: list[T]
    next_token: str


class Pages(Sequence[T]):
    """A list of the server, read page by page and only as far as it is looked at.

    Iterating, indexing and `len` work as on a list; what was read once is kept. For lists too long
    to keep, `pages()` walks through them anew and keeps nothing.
    """

    def __init__(self, first: Call[Page[T]], ask: Callable[[Call[Page[T]]], Page[T]]) -> None:
        self._first = first
        self._ask = ask
        self._items: list[T] = []
        self._next: Call[Page[T]] | None = first

    def pages(self) -> Iterator[Page[T]]:
        """The pages, one by one, each asked for when it is reached."""
        call: Call[Page[T]] | None = self._first
        while call:
            page = self._ask(call)
            yield page
            call = following(call, page)

    def __iter__(self) -> Iterator[T]:
        at = 0
        while at < len(self._items) or self._read_on():
            while at < len(self._items):
                yield self._items[at]
                at += 1

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        while not self._reaches(index) and self._read_on():
            pass
        return self._items[index]

    def _reaches(self, index: int | slice) -> bool:
        """Whether what was read so far answers for the index, whatever follows."""
        if isinstance(index, int):
            return 0 <= index < len(self._items)
        ends = (index.start or 0, -1 if index.stop is None else index.stop)
        return all(0 <= end <= len(self._items) for end in ends) and (index.step or 1) > 0

    def __len__(self) -> int:
        while self._read_on():
            pass
        return len(self._items)

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None

    def _read_on(self) -> bool:
        if not self._next:
            return False
        page = self._ask(self._next)  # when it raises, the next look asks for the same page again
        self._next = following(self._next, page)
        self._items += page.items
        return True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._first.path}, {len(self._items)} read so far>"


class AsyncPages(Generic[T]):
    """A list of the server, page by page: `async for item in …`, or `await …` for all of it."""

    def __init__(
        self, first: Call[Page[T]], ask: Callable[[Call[Page[T]]], Awaitable[Page[T]]]
    ) -> None:
        self._first = first
        self._ask = ask

    def pages(self) -> AsyncIterator[Page[T]]:
        """The pages, one by one, each asked for when it is reached."""
        return _Walk(self._first, self._ask)

    def __aiter__(self) -> AsyncIterator[T]:
        return _Items(self.pages())

    def __await__(self) -> Generator[Any, None, list[T]]:
        return self._all().__await__()

    async def _all(self) -> list[T]:
        return [item async for item in self]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._first.path}>"


class _Walk(AsyncIterator[Page[T]]):
    """Page by page. No generator: who leaves a loop early has nothing to close."""

    def __init__(
        self, first: Call[Page[T]], ask: Callable[[Call[Page[T]]], Awaitable[Page[T]]]
    ) -> None:
        self._next: Call[Page[T]] | None = first
        self._ask = ask

    async def __anext__(self) -> Page[T]:
        if not self._next:
            raise StopAsyncIteration
        page = await self._ask(self._next)
        self._next = following(self._next, page)
        return page


class _Items(AsyncIterator[T]):
    """Item by item."""

    def __init__(self, pages: AsyncIterator[Page[T]]) -> None:
        self._pages = pages
        self._items: Iterator[T] = iter(())

    async def __anext__(self) -> T:
        while True:
            for item in self._items:
                return item
            self._items = iter((await self._pages.__anext__()).items)


def listing(path: str, key: str, kind: type[T], query: Mapping[str, str]) -> Call[Page[T]]:
    """The call for the first page of the list that the answer has under `key`."""

    def read(body: Any) -> Page[T]:
        answer: dict[str, Any] = shaped(dict[str, Any], body, "answer")
        items = shaped(list[Any], answer.get(key), key)
        token = shaped(str, answer.get("nextPageToken"), "nextPageToken")
        return Page([shaped(kind, item, f"{key}[{i}]") for i, item in enumerate(items)], token)

    return Call("GET", path, read, query=query, repeatable=True)


def following(call: Call[Page[T]], page: Page[T]) -> Call[Page[T]] | None:
    """The call for the page after this one; None after the last."""
    if not page.next_token:
        return None
    if page.next_token == call.query.get("pageToken"):
        raise APIResponseError("the server answers the same page again and again")
    return replace(call, query={**call.query, "pageToken": page.next_token})
