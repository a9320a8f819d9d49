"""`indent.space`: the tenants that the token may see."""

from __future__ import annotations

from typing import Any

from ._call import Call
from ._namespace import AsyncNamespace, Namespace, space_path
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from .types import Space


class SpaceAPI(Namespace):
    """Spaces.

    >>> from indentapi import IndentAPI
    >>> IndentAPI().space.get()["name"]
    'acmecorp'
    """

    def get(self, name: str | None = None) -> Space:
        """The space of this name; the client's own by default."""
        return self._call(_get(self._space if name is None else space_path(name)))

    def list(self) -> Pages[Space]:
        """The spaces that the token may see."""
        return self._pages(_list())


class AsyncSpaceAPI(AsyncNamespace):
    """Spaces: as `SpaceAPI`, awaited."""

    async def get(self, name: str | None = None) -> Space:
        """As `SpaceAPI.get`."""
        return await self._call(_get(self._space if name is None else space_path(name)))

    def list(self) -> AsyncPages[Space]:
        """As `SpaceAPI.list`."""
        return self._pages(_list())


# ---- the calls, the same for both clients ----


def _get(space: str) -> Call[Space]:
    return Call("GET", space, _read, repeatable=True)


def _list() -> Call[Page[Space]]:
    return listing("/v1/spaces", "spaces", Space, {})


def _read(body: Any) -> Space:
    return shaped(Space, body, "space")
