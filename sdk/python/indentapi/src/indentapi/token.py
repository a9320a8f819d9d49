"""`indent.token`: short-lived user tokens and long-lived tokens of service accounts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from . import values
from ._call import Call
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from .types import Token


class TokenAPI(Namespace):
    """Tokens of the space. A token never allows more than its maker may do.

    >>> from indentapi import IndentAPI
    >>> indent = IndentAPI()
    >>> made = indent.token.create(service_account_id="quickstart", display_name="nightly job")
    >>> made["refreshToken"][:4]
    'ind_'
    >>> indent.token.delete(made["meta"]["name"])
    """

    def create(
        self,
        *,
        service_account_id: str | None = None,
        display_name: str | None = None,
        scope: str | None = None,
        expiry_days: int | None = None,
    ) -> Token:
        """Make a token. Keep the secret: no later answer has it.

        With `service_account_id` it is long-lived, and the secret is in `refreshToken`. Without, it
        is a user token for one hour that acts as you, and the secret is in `accessToken`.
        """
        return self._call(
            _create(self._space, service_account_id, display_name, scope, expiry_days)
        )

    def list(self) -> Pages[Token]:
        """The tokens, without their secrets."""
        return self._pages(_list(self._space))

    def delete(self, name: str) -> None:
        """Revoke the token of this name (`meta["name"]`), everywhere within a second."""
        return self._call(_delete(self._space, name))

    def rotate(self, name: str, *, grace: float | timedelta = 0) -> Token:
        """Make a token in the place of a service account's, with its scope and length of life.

        The old one ends, with all that was made with it, after `grace`: whole seconds, at most a
        day. Keep the secret in `refreshToken`: no later answer has it. `ConflictError` when the old
        one has ended or was rotated before.
        """
        return self._call(_rotate(self._space, name, grace))

    def exchange(self, refresh_token: str) -> Token:
        """A short-lived `accessToken` for a long-lived token, which must still be good."""
        return self._call(_exchange(refresh_token))


class AsyncTokenAPI(AsyncNamespace):
    """Tokens of the space: as `TokenAPI`, awaited."""

    async def create(
        self,
        *,
        service_account_id: str | None = None,
        display_name: str | None = None,
        scope: str | None = None,
        expiry_days: int | None = None,
    ) -> Token:
        """As `TokenAPI.create`."""
        return await self._call(
            _create(self._space, service_account_id, display_name, scope, expiry_days)
        )

    def list(self) -> AsyncPages[Token]:
        """As `TokenAPI.list`."""
        return self._pages(_list(self._space))

    async def delete(self, name: str) -> None:
        """As `TokenAPI.delete`."""
        return await self._call(_delete(self._space, name))

    async def rotate(self, name: str, *, grace: float | timedelta = 0) -> Token:
        """As `TokenAPI.rotate`."""
        return await self._call(_rotate(self._space, name, grace))

    async def exchange(self, refresh_token: str) -> Token:
        """As `TokenAPI.exchange`."""
        return await self._call(_exchange(refresh_token))


# ---- the calls, the same for both clients ----


def _create(
    space: str,
    service_account_id: str | None,
    display_name: str | None,
    scope: str | None,
    expiry_days: int | None,
) -> Call[Token]:
    body = values.sent(
        serviceAccountId=service_account_id,
        displayName=display_name,
        scope=scope,
        expiryDays=expiry_days,
    )
    return Call("POST", f"{space}/tokens", _read, body=body)


def _list(space: str) -> Call[Page[Token]]:
    return listing(f"{space}/tokens", "tokens", Token, {})


def _delete(space: str, name: str) -> Call[None]:
    return Call("DELETE", f"{space}/tokens/{values.segment(name)}", _nothing)


def _rotate(space: str, name: str, grace: float | timedelta) -> Call[Token]:
    seconds = grace.total_seconds() if isinstance(grace, timedelta) else grace
    if seconds != int(seconds):
        raise ValueError("grace is whole seconds")
    path = f"{space}/tokens/{values.segment(name)}:rotate"
    return Call("POST", path, _read, body={"graceSeconds": int(seconds)})


def _exchange(refresh_token: str) -> Call[Token]:
    body = {"grantType": "refresh_token", "refreshToken": refresh_token}
    return Call("POST", "/v1/auth/token", _read, body=body, with_token=False)


def _read(body: Any) -> Token:
    return shaped(Token, body, "token")


def _nothing(_: Any) -> None:
    return None
