"""`indent.grant`: who has what, until when and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from . import values
from ._call import Call
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from .errors import APIResponseError
from .types import HeldGrant, RevokedGrant

Revoked: TypeAlias = list[RevokedGrant]


class GrantAPI(Namespace):
    """What granted petitions give: one entry for each person and resource.

    >>> from indentapi import IndentAPI
    >>> indent = IndentAPI()
    >>> pet = indent.petition.create(
    ...     reason="to look at order 4711", resources=[{"kind": "db", "id": "orders"}]
    ... )
    >>> [g["person"]["id"] for g in indent.grant.list(resource="orders")]
    []
    """

    def list(
        self,
        *,
        person: str = "",
        resource: str = "",
        at: datetime | str | None = None,
        upcoming: bool = False,
    ) -> Pages[HeldGrant]:
        """Who has what, what ends first before the rest.

        Args:
            person: Only what this person has, by any address or id; `"me"` is the caller.
            resource: Only who has this: any of its ids, or its name in the directory.
            at: What held, or will hold, at this time. Default: now.
            upcoming: Also what begins later.
        """
        return self._pages(_list(self._space, person, resource, at, upcoming))

    def revoke(
        self, *, person: str = "", resource: str = "", reason: str = "", preview: bool = False
    ) -> Revoked:
        """Revoke all that a person has, or all that anybody has of a resource.

        Args:
            person: What this person has, by any address or id. Give this, `resource` or both.
            resource: What anybody has of this: any of its ids, or its name in the directory.
            reason: At most 4,000 characters, for the log.
            preview: Answer what would be revoked, and change nothing.

        Returns:
            The petitions that were revoked, each for all who asked in it; one with `refused` says
            why it stays: it is not yours to revoke, or with `failed` it could not be revoked now.

        Raises:
            PermissionDeniedError: there is something, and you may revoke nothing of it.
        """
        found: dict[str, RevokedGrant] = {}
        token = ""
        while True:
            call = _revoke(self._space, person, resource, reason, preview, token)
            page = self._call(call)
            token = _add(found, page, token)
            if not token:
                return [*found.values()]


class AsyncGrantAPI(AsyncNamespace):
    """What granted petitions give: as `GrantAPI`, awaited."""

    def list(
        self,
        *,
        person: str = "",
        resource: str = "",
        at: datetime | str | None = None,
        upcoming: bool = False,
    ) -> AsyncPages[HeldGrant]:
        """As `GrantAPI.list`."""
        return self._pages(_list(self._space, person, resource, at, upcoming))

    async def revoke(
        self, *, person: str = "", resource: str = "", reason: str = "", preview: bool = False
    ) -> Revoked:
        """As `GrantAPI.revoke`."""
        found: dict[str, RevokedGrant] = {}
        token = ""
        while True:
            call = _revoke(self._space, person, resource, reason, preview, token)
            page = await self._call(call)
            token = _add(found, page, token)
            if not token:
                return [*found.values()]


# ---- the calls, the same for both clients ----


def _list(
    space: str, person: str, resource: str, at: datetime | str | None, upcoming: bool
) -> Call[Page[HeldGrant]]:
    when = "" if at is None else values.moment(at)
    query = values.query(person=person, resource=resource, at=when, upcoming=upcoming)
    return listing(f"{space}/grants", "grants", HeldGrant, query)


def _revoke(
    space: str, person: str, resource: str, reason: str, preview: bool, token: str
) -> Call[Page[RevokedGrant]]:
    if not person and not resource:
        raise ValueError("name a person or a resource")
    sent: dict[str, Any] = {
        "person": person,
        "resource": resource,
        "reason": reason,
        "preview": preview,
        "pageToken": token,
    }
    body = {name: value for name, value in sent.items() if value} | {"pageSize": 200}
    return Call("POST", f"{space}/grants:revoke", _revoked, body=body, repeatable=preview)


def _revoked(body: Any) -> Page[RevokedGrant]:
    answer: dict[str, Any] = shaped(dict[str, Any], body, "answer")
    petitions = shaped(list[RevokedGrant], answer.get("petitions"), "petitions")
    return Page(petitions, shaped(str, answer.get("nextPageToken"), "nextPageToken"))


def _add(found: dict[str, RevokedGrant], page: Page[RevokedGrant], token: str) -> str:
    """Add a page, of which the first may go on with the last petition; answers the next's token."""
    for item in page.items:
        found.setdefault(item["petition"], item)
    if page.next_token and page.next_token == token:
        raise APIResponseError("the server answers the same page again and again")
    return page.next_token
