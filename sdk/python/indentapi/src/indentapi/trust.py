"""`indent.trust`: whose tokens from elsewhere stand for a service account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import values
from ._call import Call
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from .types import Trust


class TrustAPI(Namespace):
    """Trusts of service accounts: a CI job gets in with its own token, without a stored secret.

    >>> from indentapi import IndentAPI
    >>> indent = IndentAPI()
    >>> trust = indent.trust.create(
    ...     "quickstart",
    ...     issuer="https://token.actions.githubusercontent.com",
    ...     audience="https://indent.example.com",
    ...     claims={"sub": "repo:acme/app:*"},
    ... )
    >>> [t["claims"] for t in indent.trust.list("quickstart")]
    [{'sub': 'repo:acme/app:*'}]
    >>> indent.trust.delete("quickstart", trust["meta"]["name"])
    """

    def create(
        self,
        service_account_id: str,
        *,
        issuer: str,
        audience: str,
        claims: Mapping[str, str],
        scope: str | None = None,
    ) -> Trust:
        """Let tokens of an issuer stand for a service account.

        Args:
            service_account_id: Whose token such a program gets, for an hour at most.
            issuer: The `iss` of the tokens, exactly: an https address.
            audience: The one `aud` that they must have, such as this server's address.
            claims: What they must say besides: a text, or the beginning of one with a star behind
                it. At least one.
            scope: Permissions, separated by blanks. Default: all that you may hand out.

        Raises:
            BadRequestError: `field` says what is at fault, such as `claims.sub`.
            PermissionDeniedError: it is not yours to hand out.
        """
        return self._call(_create(self._space, service_account_id, issuer, audience, claims, scope))

    def list(self, service_account_id: str) -> Pages[Trust]:
        """Whom the service account trusts, oldest first."""
        return self._pages(_list(self._space, service_account_id))

    def delete(self, service_account_id: str, name: str) -> None:
        """End the trust of this name (`meta["name"]`), and the tokens that came of it."""
        return self._call(_delete(self._space, service_account_id, name))


class AsyncTrustAPI(AsyncNamespace):
    """Trusts of service accounts: as `TrustAPI`, awaited."""

    async def create(
        self,
        service_account_id: str,
        *,
        issuer: str,
        audience: str,
        claims: Mapping[str, str],
        scope: str | None = None,
    ) -> Trust:
        """As `TrustAPI.create`."""
        return await self._call(
            _create(self._space, service_account_id, issuer, audience, claims, scope)
        )

    def list(self, service_account_id: str) -> AsyncPages[Trust]:
        """As `TrustAPI.list`."""
        return self._pages(_list(self._space, service_account_id))

    async def delete(self, service_account_id: str, name: str) -> None:
        """As `TrustAPI.delete`."""
        return await self._call(_delete(self._space, service_account_id, name))


# ---- the calls, the same for both clients ----


def _create(
    space: str,
    service_account_id: str,
    issuer: str,
    audience: str,
    claims: Mapping[str, str],
    scope: str | None,
) -> Call[Trust]:
    def read(body: Any) -> Trust:
        return shaped(Trust, body, "trust")

    body = values.sent(issuer=issuer, audience=audience, claims=dict(claims), scope=scope)
    return Call("POST", _path(space, service_account_id), read, body=body)


def _list(space: str, service_account_id: str) -> Call[Page[Trust]]:
    return listing(_path(space, service_account_id), "trusts", Trust, {})


def _delete(space: str, service_account_id: str, name: str) -> Call[None]:
    return Call("DELETE", f"{_path(space, service_account_id)}/{values.segment(name)}", _nothing)


def _path(space: str, service_account_id: str) -> str:
    return f"{space}/serviceAccounts/{values.segment(service_account_id)}/trusts"


def _nothing(_: Any) -> None:
    return None
