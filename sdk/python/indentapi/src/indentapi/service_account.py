"""`indent.service_account`: members that are no people."""

from __future__ import annotations

from typing import Any

from . import values
from ._call import Call
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from .types import ServiceAccount


class ServiceAccountAPI(Namespace):
    """Service accounts of the space.

    >>> from indentapi import IndentAPI
    >>> indent = IndentAPI()
    >>> indent.service_account.create("ci", display_name="CI")["serviceAccountId"]
    'ci'
    """

    def create(
        self, service_account_id: str, *, display_name: str | None = None, role: str | None = None
    ) -> ServiceAccount:
        """Make one. `role` is at most your own. `ConflictError` when the id is taken."""
        return self._call(_create(self._space, service_account_id, display_name, role))

    def list(self) -> Pages[ServiceAccount]:
        """The service accounts."""
        return self._pages(_list(self._space))

    def get(self, service_account_id: str) -> ServiceAccount:
        """The service account of this id. `NotFoundError` when there is none."""
        return self._call(_get(self._space, service_account_id))

    def update(
        self,
        service_account_id: str,
        *,
        display_name: str | None = None,
        role: str | None = None,
        suspended: bool | None = None,
    ) -> ServiceAccount:
        """Change what is given of it. One that is suspended stands for nobody: its tokens end."""
        return self._call(_update(self._space, service_account_id, display_name, role, suspended))

    def delete(self, service_account_id: str) -> None:
        """Delete it, and end its tokens and trusts."""
        return self._call(_delete(self._space, service_account_id))


class AsyncServiceAccountAPI(AsyncNamespace):
    """Service accounts of the space: as `ServiceAccountAPI`, awaited."""

    async def create(
        self, service_account_id: str, *, display_name: str | None = None, role: str | None = None
    ) -> ServiceAccount:
        """As `ServiceAccountAPI.create`."""
        return await self._call(_create(self._space, service_account_id, display_name, role))

    def list(self) -> AsyncPages[ServiceAccount]:
        """As `ServiceAccountAPI.list`."""
        return self._pages(_list(self._space))

    async def get(self, service_account_id: str) -> ServiceAccount:
        """As `ServiceAccountAPI.get`."""
        return await self._call(_get(self._space, service_account_id))

    async def update(
        self,
        service_account_id: str,
        *,
        display_name: str | None = None,
        role: str | None = None,
        suspended: bool | None = None,
    ) -> ServiceAccount:
        """As `ServiceAccountAPI.update`."""
        return await self._call(
            _update(self._space, service_account_id, display_name, role, suspended)
        )

    async def delete(self, service_account_id: str) -> None:
        """As `ServiceAccountAPI.delete`."""
        return await self._call(_delete(self._space, service_account_id))


# ---- the calls, the same for both clients ----


def _create(
    space: str, service_account_id: str, display_name: str | None, role: str | None
) -> Call[ServiceAccount]:
    account = values.sent(
        serviceAccountId=service_account_id,
        role=role,
        meta=None if display_name is None else {"displayName": display_name},
    )
    return Call("POST", f"{space}/serviceAccounts", _read, body={"serviceAccount": account})


def _list(space: str) -> Call[Page[ServiceAccount]]:
    return listing(f"{space}/serviceAccounts", "serviceAccounts", ServiceAccount, {})


def _get(space: str, service_account_id: str) -> Call[ServiceAccount]:
    return Call("GET", _path(space, service_account_id), _read, repeatable=True)


def _update(
    space: str,
    service_account_id: str,
    display_name: str | None,
    role: str | None,
    suspended: bool | None,
) -> Call[ServiceAccount]:
    account = values.sent(
        role=role,
        suspended=suspended,
        meta=None if display_name is None else {"displayName": display_name},
    )
    return Call("PATCH", _path(space, service_account_id), _read, body={"serviceAccount": account})


def _delete(space: str, service_account_id: str) -> Call[None]:
    return Call("DELETE", _path(space, service_account_id), _nothing)


def _path(space: str, service_account_id: str) -> str:
    return f"{space}/serviceAccounts/{values.segment(service_account_id)}"


def _nothing(_: Any) -> None:
    return None


def _read(body: Any) -> ServiceAccount:
    return shaped(ServiceAccount, body, "serviceAccount")
