"""`indent.resource`: the directory of the space."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from . import values
from ._call import Call
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from .types import Resource, ResourceLike, View


class ResourceAPI(Namespace):
    """Resources of the space. A resource's name in paths is its label `indent.com/block`.

    >>> from indentapi import IndentAPI
    >>> indent = IndentAPI()
    >>> [r["displayName"] for r in indent.resource.list(view="requestable")]
    ['Production', 'Staging']
    """

    def list(
        self,
        *,
        view: View | None = None,
        label_selector: str | None = None,
        search: str | None = None,
        page_size: int | None = None,
    ) -> Pages[Resource]:
        """Resources, read page by page as you iterate.

        Args:
            view: `requestable`, `requestable:modal`, `recipients`, `people` or `email`; it wins
                over a label selector.
            label_selector: Such as `"team=core,env in (prod, stage)"` (Kubernetes syntax).
            search: Words to find in them.
            page_size: 1 to 200 per request; 50 by default.
        """
        return self._pages(_list(self._space, view, label_selector, search, page_size))

    def get(self, name: str) -> Resource:
        """The resource of this name. `NotFoundError` when there is none."""
        return self._call(get(self._space, name))

    def create(self, resource: ResourceLike) -> Resource:
        """Add a resource; without a label `indent.com/block` the server names it."""
        return self._call(create(self._space, resource))

    def update(self, name: str, resource: ResourceLike) -> Resource:
        """Put this resource in the place of the one of that name."""
        return self._call(update(self._space, name, resource))

    def delete(self, name: str) -> None:
        """Take a resource out of the directory."""
        return self._call(delete(self._space, name))

    def bulk_update(self, resources: Iterable[ResourceLike]) -> Sequence[Resource]:
        """Add or replace many at once, by name: all of them, or none when one is refused."""
        return self._call(bulk_update(self._space, resources))

    def bulk_delete(self, names: Iterable[str]) -> None:
        """Take many out at once."""
        return self._call(bulk_delete(self._space, names))


class AsyncResourceAPI(AsyncNamespace):
    """Resources of the space: as `ResourceAPI`, awaited."""

    def list(
        self,
        *,
        view: View | None = None,
        label_selector: str | None = None,
        search: str | None = None,
        page_size: int | None = None,
    ) -> AsyncPages[Resource]:
        """As `ResourceAPI.list`: `async for`, or `await` for all of them."""
        return self._pages(_list(self._space, view, label_selector, search, page_size))

    async def get(self, name: str) -> Resource:
        """As `ResourceAPI.get`."""
        return await self._call(get(self._space, name))

    async def create(self, resource: ResourceLike) -> Resource:
        """As `ResourceAPI.create`."""
        return await self._call(create(self._space, resource))

    async def update(self, name: str, resource: ResourceLike) -> Resource:
        """As `ResourceAPI.update`."""
        return await self._call(update(self._space, name, resource))

    async def delete(self, name: str) -> None:
        """As `ResourceAPI.delete`."""
        return await self._call(delete(self._space, name))

    async def bulk_update(self, resources: Iterable[ResourceLike]) -> Sequence[Resource]:
        """As `ResourceAPI.bulk_update`."""
        return await self._call(bulk_update(self._space, resources))

    async def bulk_delete(self, names: Iterable[str]) -> None:
        """As `ResourceAPI.bulk_delete`."""
        return await self._call(bulk_delete(self._space, names))


# ---- the calls, the same for both clients ----


def _list(
    space: str,
    view: View | None,
    label_selector: str | None,
    search: str | None,
    page_size: int | None,
) -> Call[Page[Resource]]:
    query = values.query(view=view, labelSelector=label_selector, search=search, pageSize=page_size)
    return listing(f"{space}/resources", "resources", Resource, query)


def get(space: str, name: str) -> Call[Resource]:
    return Call("GET", _path(space, name), _read, repeatable=True)


def create(space: str, resource: ResourceLike) -> Call[Resource]:
    return Call("POST", f"{space}/resources", _read, body={"resource": values.resource(resource)})


def update(space: str, name: str, resource: ResourceLike) -> Call[Resource]:
    body = {"resource": values.resource(resource)}
    return Call("PUT", _path(space, name), _read, body=body, repeatable=True)


def delete(space: str, name: str) -> Call[None]:
    return Call("DELETE", _path(space, name), _nothing)


def bulk_update(space: str, resources: Iterable[ResourceLike]) -> Call[list[Resource]]:
    def read(body: Any) -> list[Resource]:
        items = shaped(dict[str, Any], body, "answer").get("resources")
        return shaped(list[Resource], items, "resources")

    body = {"resources": values.resources(resources)}
    return Call("PUT", f"{space}/resources:bulkUpdate", read, body=body, repeatable=True)


def bulk_delete(space: str, names: Iterable[str]) -> Call[None]:
    if isinstance(names, str):
        raise TypeError("names is a list of names")
    body = {"names": list(names)}
    return Call("POST", f"{space}/resources:bulkDelete", _nothing, body=body)


def _path(space: str, name: str) -> str:
    return f"{space}/resources/{values.segment(name)}"


def _read(body: Any) -> Resource:
    return shaped(Resource, body, "resource")


def _nothing(_: Any) -> None:
    return None
