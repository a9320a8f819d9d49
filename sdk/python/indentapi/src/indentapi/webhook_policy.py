"""`indent.webhook_policy`: which calls a webhook gets, and for which resources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import values
from ._call import Call
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from .types import ResourceLike
from .values import Duration
from .webhook_policy_types import WebhookPolicy, WebhookPolicyTrial


class WebhookPolicyAPI(Namespace):
    """Which calls the webhooks of the space get: `ApplyUpdate`, `GetDecision`, `GetState`.

    A policy is about the resources that its `base` takes: a dict with `selector`
    (`matchLabels`, `matchExpressions`) over the directory's labels, and `conditions` in CEL over
    `petition`, `resource` and `petitioner`. An empty one is about everything.
    """

    def create(
        self,
        webhook: str,
        *,
        name: str | None = None,
        base: Mapping[str, Any] | None = None,
        calls: Iterable[str] | None = None,
        service_account: str | None = None,
        decide_within: Duration | None = None,
        display_name: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WebhookPolicy:
        """Make a policy.

        Args:
            webhook: The name of the webhook that gets the calls. It must be there.
            name: By it the policy is known; it stays. Default: the server makes one.
            base: Which resources it is about. Default: all.
            calls: Default: `ApplyUpdate`.
            service_account: For `GetDecision`: whose claims count that the webhook answers.
            decide_within: For `GetDecision`: how long it has, 1 to 60 seconds. Default: 10.
            display_name: What people read.
            labels: Free labels.

        Raises:
            BadRequestError: `field` says what is at fault, such as
                `webhookPolicy.base.conditions[0]`, and the message the line and column.
            PermissionDeniedError: you may not make tokens of that service account.
            ConflictError: there is one of this name already.
        """
        body = _fields(webhook, base, calls, service_account, decide_within, display_name, labels)
        return self._call(_create(self._space, values.sent(name=name) | body))

    def list(self) -> Pages[WebhookPolicy]:
        """All of the space, by name."""
        return self._pages(_list(self._space))

    def get(self, name: str) -> WebhookPolicy:
        """One by its name."""
        return self._call(_get(self._space, name))

    def replace(
        self,
        name: str,
        webhook: str,
        *,
        base: Mapping[str, Any] | None = None,
        calls: Iterable[str] | None = None,
        service_account: str | None = None,
        decide_within: Duration | None = None,
        display_name: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WebhookPolicy:
        """Put another in its place: what is left out is as it is by default. Else as `create`."""
        body = _fields(webhook, base, calls, service_account, decide_within, display_name, labels)
        return self._call(_change("PUT", self._space, name, body))

    def update(
        self,
        name: str,
        *,
        webhook: str | None = None,
        base: Mapping[str, Any] | None = None,
        calls: Iterable[str] | None = None,
        service_account: str | None = None,
        decide_within: Duration | None = None,
        display_name: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WebhookPolicy:
        """Change what is given; `base`, `calls` and `labels` are each changed as a whole.

        Raises:
            PermissionDeniedError: afterwards a service account decides whose tokens you may not
                make.
        """
        body = _fields(webhook, base, calls, service_account, decide_within, display_name, labels)
        return self._call(_change("PATCH", self._space, name, body))

    def delete(self, name: str) -> None:
        """Delete one: its webhook gets no new calls by it."""
        return self._call(_delete(self._space, name))

    def test(
        self,
        policy: str | Mapping[str, Any],
        *,
        petition: str | None = None,
        resources: Iterable[ResourceLike] | None = None,
        petitioners: Iterable[ResourceLike] | None = None,
        params: Mapping[str, Any] | None = None,
        duration: Duration | None = None,
    ) -> WebhookPolicyTrial:
        """Which calls a policy would let its webhook have. Nothing is written or sent.

        Args:
            policy: The name of a policy, or one that need not be there, as the API has it.
            petition: The name of a petition that was made; or
            resources: what somebody would ask for.
            petitioners: Who would ask. Default: you.
            params: What the action would be done with.
            duration: How long would be asked for.
        """
        return self._call(
            _test(self._space, policy, petition, resources, petitioners, params, duration)
        )


class AsyncWebhookPolicyAPI(AsyncNamespace):
    """Which calls the webhooks of the space get: as `WebhookPolicyAPI`, awaited."""

    async def create(
        self,
        webhook: str,
        *,
        name: str | None = None,
        base: Mapping[str, Any] | None = None,
        calls: Iterable[str] | None = None,
        service_account: str | None = None,
        decide_within: Duration | None = None,
        display_name: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WebhookPolicy:
        """As `WebhookPolicyAPI.create`."""
        body = _fields(webhook, base, calls, service_account, decide_within, display_name, labels)
        return await self._call(_create(self._space, values.sent(name=name) | body))

    def list(self) -> AsyncPages[WebhookPolicy]:
        """As `WebhookPolicyAPI.list`."""
        return self._pages(_list(self._space))

    async def get(self, name: str) -> WebhookPolicy:
        """As `WebhookPolicyAPI.get`."""
        return await self._call(_get(self._space, name))

    async def replace(
        self,
        name: str,
        webhook: str,
        *,
        base: Mapping[str, Any] | None = None,
        calls: Iterable[str] | None = None,
        service_account: str | None = None,
        decide_within: Duration | None = None,
        display_name: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WebhookPolicy:
        """As `WebhookPolicyAPI.replace`."""
        body = _fields(webhook, base, calls, service_account, decide_within, display_name, labels)
        return await self._call(_change("PUT", self._space, name, body))

    async def update(
        self,
        name: str,
        *,
        webhook: str | None = None,
        base: Mapping[str, Any] | None = None,
        calls: Iterable[str] | None = None,
        service_account: str | None = None,
        decide_within: Duration | None = None,
        display_name: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WebhookPolicy:
        """As `WebhookPolicyAPI.update`."""
        body = _fields(webhook, base, calls, service_account, decide_within, display_name, labels)
        return await self._call(_change("PATCH", self._space, name, body))

    async def delete(self, name: str) -> None:
        """As `WebhookPolicyAPI.delete`."""
        return await self._call(_delete(self._space, name))

    async def test(
        self,
        policy: str | Mapping[str, Any],
        *,
        petition: str | None = None,
        resources: Iterable[ResourceLike] | None = None,
        petitioners: Iterable[ResourceLike] | None = None,
        params: Mapping[str, Any] | None = None,
        duration: Duration | None = None,
    ) -> WebhookPolicyTrial:
        """As `WebhookPolicyAPI.test`."""
        return await self._call(
            _test(self._space, policy, petition, resources, petitioners, params, duration)
        )


# ---- the calls, the same for both clients ----


def _fields(
    webhook: str | None,
    base: Mapping[str, Any] | None,
    calls: Iterable[str] | None,
    service_account: str | None,
    decide_within: Duration | None,
    display_name: str | None,
    labels: Mapping[str, str] | None,
) -> dict[str, Any]:
    return values.sent(
        webhook=webhook,
        base=values.json_object(base, "base"),
        calls=None if calls is None else list(calls),
        serviceAccount=service_account,
        decideWithin=None if decide_within is None else values.seconds(decide_within),
        displayName=display_name,
        labels=None if labels is None else dict(labels),
    )


def _create(space: str, policy: dict[str, Any]) -> Call[WebhookPolicy]:
    return Call("POST", f"{space}/webhookPolicies", _read, body={"webhookPolicy": policy})


def _list(space: str) -> Call[Page[WebhookPolicy]]:
    return listing(f"{space}/webhookPolicies", "webhookPolicies", WebhookPolicy, {})


def _get(space: str, name: str) -> Call[WebhookPolicy]:
    return Call("GET", _path(space, name), _read, repeatable=True)


def _change(method: str, space: str, name: str, policy: dict[str, Any]) -> Call[WebhookPolicy]:
    body = {"webhookPolicy": policy}
    return Call(method, _path(space, name), _read, body=body, repeatable=method == "PUT")


def _delete(space: str, name: str) -> Call[None]:
    return Call("DELETE", _path(space, name), _nothing)


def _test(
    space: str,
    policy: str | Mapping[str, Any],
    petition: str | None,
    resources: Iterable[ResourceLike] | None,
    petitioners: Iterable[ResourceLike] | None,
    params: Mapping[str, Any] | None,
    duration: Duration | None,
) -> Call[WebhookPolicyTrial]:
    def read(body: Any) -> WebhookPolicyTrial:
        return shaped(WebhookPolicyTrial, body, "what came of the test")

    named = isinstance(policy, str)
    body = values.sent(
        policy=policy if named else None,
        webhookPolicy=None if named else values.json_object(policy, "policy"),
        petition=petition,
        resources=values.resources(resources),
        petitioners=values.resources(petitioners),
        params=values.json_object(params, "params"),
        defaultDuration=None if duration is None else values.seconds(duration),
    )
    return Call("POST", f"{space}/webhooks:testPolicy", read, body=body, repeatable=True)


def _path(space: str, name: str) -> str:
    return f"{space}/webhookPolicies/{values.segment(name)}"


def _read(body: Any) -> WebhookPolicy:
    return shaped(WebhookPolicy, body, "webhook policy")


def _nothing(_: Any) -> None:
    return None
