"""`indent.group`: who is in a group of the directory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import values
from ._call import Call
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from .types import Resource, ResourceLike


class GroupAPI(Namespace):
    """Members of groups. A group is a resource of the kind `group`, known by its name.

    >>> from indentapi import IndentAPI
    >>> indent = IndentAPI()
    >>> indent.group.add("on-call", ["ada@example.com", "quickstart"])
    >>> [m["id"] for m in indent.group.list("on-call")]
    ['ada@example.com', 'quickstart']
    >>> indent.group.remove("on-call", "quickstart")
    """

    def list(self, group: str, *, effective: bool = False) -> Pages[Resource]:
        """Who is in the group of this name (its label `indent.com/block`).

        With `effective`, every person who is in it through whatever nesting.
        """
        return self._pages(_list(self._space, group, effective))

    def add(self, group: str, members: Iterable[ResourceLike | str]) -> None:
        """Put members into a group, all or none; who is in it already stays.

        Args:
            group: The name of the group.
            members: 1 to 10,000 addresses of persons, ids of service accounts or names of groups,
                or resources that say the `kind` as well, where two are called the same.

        Raises:
            BadRequestError: one of them is nobody here; `field` says which, as `members[2].id`.
            ConflictError: a group would be in itself, or nest too deep.
        """
        return self._call(_add(self._space, group, members))

    def remove(self, group: str, member: str) -> None:
        """Take a member out of a group. `NotFoundError` when it is not in it."""
        return self._call(_remove(self._space, group, member))


class AsyncGroupAPI(AsyncNamespace):
    """Members of groups: as `GroupAPI`, awaited."""

    def list(self, group: str, *, effective: bool = False) -> AsyncPages[Resource]:
        """As `GroupAPI.list`."""
        return self._pages(_list(self._space, group, effective))

    async def add(self, group: str, members: Iterable[ResourceLike | str]) -> None:
        """As `GroupAPI.add`."""
        return await self._call(_add(self._space, group, members))

    async def remove(self, group: str, member: str) -> None:
        """As `GroupAPI.remove`."""
        return await self._call(_remove(self._space, group, member))


# ---- the calls, the same for both clients ----


def _list(space: str, group: str, effective: bool) -> Call[Page[Resource]]:
    return listing(_path(space, group), "members", Resource, values.query(effective=effective))


def _add(space: str, group: str, members: Iterable[ResourceLike | str]) -> Call[None]:
    if isinstance(members, str):
        raise TypeError("members is a list of members")
    sent = [{"id": m} if isinstance(m, str) else values.resource(m) for m in members]
    return Call("POST", _path(space, group), _nothing, body={"members": sent}, repeatable=True)


def _remove(space: str, group: str, member: str) -> Call[None]:
    return Call("DELETE", f"{_path(space, group)}/{values.segment(member)}", _nothing)


def _path(space: str, group: str) -> str:
    return f"{space}/resources/{values.segment(group)}/members"


def _nothing(_: Any) -> None:
    return None
