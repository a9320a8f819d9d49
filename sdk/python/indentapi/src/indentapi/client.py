"""The two clients: `IndentAPI` blocks, `AsyncIndentAPI` awaits."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx
from anyio.lowlevel import RunVar

from ._call import Retry
from ._config import Settings, settings
from ._wire import AsyncWire, Wire
from .claim import AsyncClaimAPI, ClaimAPI
from .delegation import AsyncDelegationAPI, DelegationAPI
from .delivery import AsyncDeliveryAPI, DeliveryAPI
from .event import AsyncEventAPI, EventAPI
from .grant import AsyncGrantAPI, GrantAPI
from .group import AsyncGroupAPI, GroupAPI
from .member import AsyncIdentityAPI, AsyncMemberAPI, IdentityAPI, MemberAPI, whoami
from .petition import AsyncPetitionAPI, PetitionAPI
from .policy import AsyncPolicyAPI, PolicyAPI
from .pull_policy import AsyncPullPolicyAPI, PullPolicyAPI
from .resource import AsyncResourceAPI, ResourceAPI
from .service_account import AsyncServiceAccountAPI, ServiceAccountAPI
from .space import AsyncSpaceAPI, SpaceAPI
from .token import AsyncTokenAPI, TokenAPI
from .trust import AsyncTrustAPI, TrustAPI
from .types import WhoAmI
from .webhook_policy import AsyncWebhookPolicyAPI, WebhookPolicyAPI


class _Configured:
    """What both clients tell about themselves. The token is not among it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def api_url(self) -> str:
        """The server's address, without a slash at its end."""
        return self._settings.url

    @property
    def space_name(self) -> str:
        """The space that every call is made in."""
        return self._settings.space

    def __repr__(self) -> str:
        return f"{type(self).__name__}(space_name={self.space_name!r}, api_url={self.api_url!r})"


class IndentAPI(_Configured):
    """The Indent API, blocking. May be used from several threads; a `with` closes it.

    >>> from indentapi import IndentAPI
    >>> indent = IndentAPI()
    >>> resources = indent.resource.list(view="requestable")
    >>> pet = indent.petition.create(
    ...     reason="to debug production",
    ...     resources=[r for r in resources if r["displayName"] == "Production"],
    ... )
    >>> pet["spaceName"], len(pet["name"])
    ('acmecorp', 36)

    Args:
        space_name: Default: `INDENT_SPACE`.
        api_token: Default: `INDENT_API_TOKEN`.
        api_url: Default: `INDENT_API_URL`, else `http://127.0.0.1:8080`, a local `indent dev`.
            What neither the arguments nor the environment have comes from the nearest `.env` file,
            in the working directory or above it, that sets an `INDENT_` name. An `INDENT_API_TOKEN`
            that the environment sets to nothing is an error, whatever a file has.
        timeout: Seconds that the server may take for an answer. Long-polls have their own.
        max_retries: How often a call is sent again after a broken connection, 408, 429 or 5xx, with
            growing pauses or after the server's `Retry-After`. Nothing is ever done twice by it.
        allow_plain_http: Send the token over plain http to another machine. Default: only if
            `INDENT_ALLOW_PLAIN_HTTP=1`.
        transport: An httpx transport, for tests and special networks.

    Raises:
        ConfigurationError: something is missing or unusable; the message says what to do.
    """

    def __init__(
        self,
        space_name: str | None = None,
        api_token: str | None = None,
        *,
        api_url: str | None = None,
        timeout: float = 30.0,
        max_retries: int = 2,
        allow_plain_http: bool | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(
            settings(space_name, api_token, api_url, allow_plain_http=allow_plain_http)
        )
        self._wire = Wire(self._settings, Retry(max_retries), timeout, transport)
        self.space = SpaceAPI(self._wire)
        self.resource = ResourceAPI(self._wire)
        self.petition = PetitionAPI(self._wire)
        self.claim = ClaimAPI(self._wire)
        self.event = EventAPI(self._wire)
        self.token = TokenAPI(self._wire)
        self.service_account = ServiceAccountAPI(self._wire)
        self.trust = TrustAPI(self._wire)
        self.policy = PolicyAPI(self._wire)
        self.member = MemberAPI(self._wire)
        self.identity = IdentityAPI(self._wire)
        self.delegation = DelegationAPI(self._wire)
        self.delivery = DeliveryAPI(self._wire)
        self.group = GroupAPI(self._wire)
        self.grant = GrantAPI(self._wire)
        self.webhook_policy = WebhookPolicyAPI(self._wire)
        self.pull_policy = PullPolicyAPI(self._wire)

    def whoami(self) -> WhoAmI:
        """Whom the token stands for, and what it may do; any valid token may ask.

        >>> from indentapi import IndentAPI
        >>> IndentAPI().whoami()["member"]
        'quickstart'
        """
        return self._wire.call(whoami())

    def __enter__(self) -> IndentAPI:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()


class AsyncIndentAPI(_Configured):
    """The Indent API, awaited, under asyncio or trio: as `IndentAPI`. An `async with` closes it.

    >>> import asyncio
    >>> from indentapi import AsyncIndentAPI
    >>> async def main():
    ...     async with AsyncIndentAPI() as indent:
    ...         for r in await indent.resource.list(view="requestable"):
    ...             print(r["displayName"])
    >>> asyncio.run(main())
    Production
    Staging
    """

    def __init__(
        self,
        space_name: str | None = None,
        api_token: str | None = None,
        *,
        api_url: str | None = None,
        timeout: float = 30.0,
        max_retries: int = 2,
        allow_plain_http: bool | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(
            settings(space_name, api_token, api_url, allow_plain_http=allow_plain_http)
        )
        self._wire = AsyncWire(self._settings, Retry(max_retries), timeout, transport)
        self.space = AsyncSpaceAPI(self._wire)
        self.resource = AsyncResourceAPI(self._wire)
        self.petition = AsyncPetitionAPI(self._wire)
        self.claim = AsyncClaimAPI(self._wire)
        self.event = AsyncEventAPI(self._wire)
        self.token = AsyncTokenAPI(self._wire)
        self.service_account = AsyncServiceAccountAPI(self._wire)
        self.trust = AsyncTrustAPI(self._wire)
        self.policy = AsyncPolicyAPI(self._wire)
        self.member = AsyncMemberAPI(self._wire)
        self.identity = AsyncIdentityAPI(self._wire)
        self.delegation = AsyncDelegationAPI(self._wire)
        self.delivery = AsyncDeliveryAPI(self._wire)
        self.group = AsyncGroupAPI(self._wire)
        self.grant = AsyncGrantAPI(self._wire)
        self.webhook_policy = AsyncWebhookPolicyAPI(self._wire)
        self.pull_policy = AsyncPullPolicyAPI(self._wire)

    async def whoami(self) -> WhoAmI:
        """As `IndentAPI.whoami`."""
        return await self._wire.call(whoami())

    @classmethod
    @contextlib.asynccontextmanager
    async def shared(cls, *, timeout: float = 30.0) -> AsyncGenerator[AsyncIndentAPI]:
        """The client that all share who are in here at once, in one event loop.

        It has the settings of the environment; who has others shares another one. The last who
        leaves closes it. For functions that would make a client each time they are called.

        >>> import asyncio
        >>> async def names():
        ...     async with AsyncIndentAPI.shared() as indent:
        ...         return [space["name"] for space in await indent.space.list()]
        >>> asyncio.run(names())
        ['acmecorp']
        """
        mine = cls(timeout=timeout)
        clients = _shared_clients()
        held = clients.setdefault((mine._settings, timeout), _Held(mine))
        held.users += 1
        try:
            yield held.client
        finally:
            held.users -= 1
            if not held.users:
                del clients[mine._settings, timeout]
                await held.client.close()

    async def __aenter__(self) -> AsyncIndentAPI:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()


@dataclass
class _Held:
    """A client that several use."""

    client: AsyncIndentAPI
    users: int = 0


_shared: RunVar[dict[tuple[Settings, float], _Held]] = RunVar("indentapi_shared")


def _shared_clients() -> dict[tuple[Settings, float], _Held]:
    try:
        return _shared.get()
    except LookupError:
        made = dict[tuple[Settings, float], _Held]()
        _shared.set(made)
        return made
