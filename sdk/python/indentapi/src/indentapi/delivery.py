"""`indent.delivery`: the calls to webhooks, what came of them, and making them again."""

from __future__ import annotations

from typing import Any

from . import values
from ._call import Call
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from .delivery_types import Delivery
from .types import Application


class DeliveryAPI(Namespace):
    """Attempts of calls to webhooks, kept for 30 days and at most 10,000 of a webhook.

    What webhooks were told of one petition is in its `state["status"]["webhooks"]`.
    """

    def list(
        self, webhook: str, *, petition: str | None = None, outcome: str | None = None
    ) -> Pages[Delivery]:
        """Those of a webhook, the newest first, without what was sent and answered.

        Args:
            webhook: The name of the webhook.
            petition: Only those of the petition of this name.
            outcome: Only those of which this came: `ok`, `refused`, `again`, `gone` or `notSent`.
        """
        return self._pages(_list(self._space, webhook, petition, outcome))

    def get(self, webhook: str, name: str) -> Delivery:
        """One by its name, with what was sent and answered, without secrets."""
        return self._call(_get(self._space, webhook, name))

    def replay(self, webhook: str, name: str) -> Application:
        """Have the call of an attempt made again at once, as things stand now.

        Returns:
            Where the person and the resource stand before the call.

        Raises:
            ConflictError: the grant has ended, or another petition has gone on with the access.
        """
        return self._call(_replay(self._space, webhook, name))

    def resume(self, webhook: str) -> None:
        """Have a webhook called again, at once, that is paused or disabled.

        Raises:
            ConflictError: it is neither.
        """
        return self._call(_resume(self._space, webhook))

    def settle(self, webhook: str, reason: str) -> int:
        """Say that all access was taken away by hand that the webhook could not take away.

        Args:
            webhook: The name of the webhook.
            reason: Who has taken it away, and where: it stands in the log.

        Returns:
            How many grants of a person and a resource have ended by it.
        """
        return self._call(_settle(self._space, webhook, reason))


class AsyncDeliveryAPI(AsyncNamespace):
    """Attempts of calls to webhooks: as `DeliveryAPI`, awaited."""

    def list(
        self, webhook: str, *, petition: str | None = None, outcome: str | None = None
    ) -> AsyncPages[Delivery]:
        """As `DeliveryAPI.list`."""
        return self._pages(_list(self._space, webhook, petition, outcome))

    async def get(self, webhook: str, name: str) -> Delivery:
        """As `DeliveryAPI.get`."""
        return await self._call(_get(self._space, webhook, name))

    async def replay(self, webhook: str, name: str) -> Application:
        """As `DeliveryAPI.replay`."""
        return await self._call(_replay(self._space, webhook, name))

    async def resume(self, webhook: str) -> None:
        """As `DeliveryAPI.resume`."""
        return await self._call(_resume(self._space, webhook))

    async def settle(self, webhook: str, reason: str) -> int:
        """As `DeliveryAPI.settle`."""
        return await self._call(_settle(self._space, webhook, reason))


# ---- the calls, the same for both clients ----


def _path(space: str, webhook: str) -> str:
    return f"{space}/webhooks/{values.segment(webhook)}"


def _list(
    space: str, webhook: str, petition: str | None, outcome: str | None
) -> Call[Page[Delivery]]:
    query = {
        name: value
        for name, value in {"petition": petition, "outcome": outcome}.items()
        if value is not None
    }
    return listing(f"{_path(space, webhook)}/deliveries", "deliveries", Delivery, query)


def _get(space: str, webhook: str, name: str) -> Call[Delivery]:
    path = f"{_path(space, webhook)}/deliveries/{values.segment(name)}"
    return Call("GET", path, lambda body: shaped(Delivery, body, "delivery"), repeatable=True)


def _replay(space: str, webhook: str, name: str) -> Call[Application]:
    path = f"{_path(space, webhook)}/deliveries/{values.segment(name)}:replay"
    return Call("POST", path, lambda body: shaped(Application, body, "application"))


def _resume(space: str, webhook: str) -> Call[None]:
    return Call("POST", f"{_path(space, webhook)}:resume", _nothing)


def _settle(space: str, webhook: str, reason: str) -> Call[int]:
    return Call("POST", f"{_path(space, webhook)}:settle", _settled, body={"reason": reason})


def _settled(body: Any) -> int:
    answer = shaped(dict[str, Any], body, "answer")
    return shaped(int, answer.get("settled"), "settled")


def _nothing(_: Any) -> None:
    return None
