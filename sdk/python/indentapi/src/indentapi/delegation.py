"""`indent.delegation`: who decides for whom while somebody is away."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from . import values
from ._call import Call
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from .types import Delegation


class DelegationAPI(Namespace):
    """Deputies: what somebody who is away may decide, the deputy may, for a time.

    The two give one vote together, and a claim by the deputy has the label
    `indent.com/claim/onBehalfOf`.
    """

    def create(
        self,
        to: str,
        *,
        end_time: datetime | str,
        start_time: datetime | str | None = None,
        reason: str | None = None,
        from_: str | None = None,
    ) -> Delegation:
        """Name a deputy.

        Args:
            to: The address of the deputy, a person of the space.
            end_time: When it is over, at most 90 days behind the start.
            start_time: When it begins, at most a year ahead. Default: now.
            reason: Why, for the log.
            from_: Who is away. Default: you. Another takes an owner, who is not the deputy.

        Raises:
            BadRequestError: `field` says what is at fault, such as `endTime`.
            PermissionDeniedError: it is not yours to hand out, or the token is not that of a login
                whose person signed in less than 15 minutes ago. Who has a passkey names a deputy on
                the page of their account.
            ConflictError: there are too many that are not over.
        """
        return self._call(_create(self._space, to, end_time, start_time, reason, from_))

    def list(self) -> Pages[Delegation]:
        """Those that are not over, by start; without `members:read` only your own."""
        return self._pages(_list(self._space))

    def get(self, name: str) -> Delegation:
        """One by its name (`meta["name"]`), also when it is over."""
        return self._call(_get(self._space, name))

    def end(self, name: str) -> None:
        """End one before its time, at once.

        What the deputy has approved by it counts no more where a petition still waits.

        Raises:
            ConflictError: it is over already.
        """
        return self._call(_end(self._space, name))


class AsyncDelegationAPI(AsyncNamespace):
    """Deputies: as `DelegationAPI`, awaited."""

    async def create(
        self,
        to: str,
        *,
        end_time: datetime | str,
        start_time: datetime | str | None = None,
        reason: str | None = None,
        from_: str | None = None,
    ) -> Delegation:
        """As `DelegationAPI.create`."""
        return await self._call(_create(self._space, to, end_time, start_time, reason, from_))

    def list(self) -> AsyncPages[Delegation]:
        """As `DelegationAPI.list`."""
        return self._pages(_list(self._space))

    async def get(self, name: str) -> Delegation:
        """As `DelegationAPI.get`."""
        return await self._call(_get(self._space, name))

    async def end(self, name: str) -> None:
        """As `DelegationAPI.end`."""
        return await self._call(_end(self._space, name))


# ---- the calls, the same for both clients ----


def _create(
    space: str,
    to: str,
    end_time: datetime | str,
    start_time: datetime | str | None,
    reason: str | None,
    from_: str | None,
) -> Call[Delegation]:
    body = values.sent(
        to=to,
        endTime=values.moment(end_time),
        startTime=None if start_time is None else values.moment(start_time),
        reason=reason,
    )
    if from_ is not None:
        body["from"] = from_
    return Call("POST", f"{space}/delegations", _read, body=body)


def _list(space: str) -> Call[Page[Delegation]]:
    return listing(f"{space}/delegations", "delegations", Delegation, {})


def _get(space: str, name: str) -> Call[Delegation]:
    return Call("GET", f"{space}/delegations/{values.segment(name)}", _read, repeatable=True)


def _end(space: str, name: str) -> Call[None]:
    return Call("DELETE", f"{space}/delegations/{values.segment(name)}", _nothing)


def _read(body: Any) -> Delegation:
    return shaped(Delegation, body, "delegation")


def _nothing(_: Any) -> None:
    return None
