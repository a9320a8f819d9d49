"""`indent.pull_policy`: webhooks that list resources for the directory, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import values
from ._call import Call
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from .pull_policy_types import PullOutcome, PullPolicy

PULL_SECONDS = 20
"""How long the server may wait for what comes of pulls."""


class PullPolicyAPI(Namespace):
    """Webhooks that fill the directory (PullUpdate), on a schedule and when somebody asks.

    What is not listed any more is marked as out of use and stays; what people made or changed is
    left alone. A pull that fails changes nothing.
    """

    def create(
        self,
        name: str,
        webhook: str,
        kinds: Iterable[str],
        *,
        base: Mapping[str, Any] | None = None,
        flags: Mapping[str, str] | None = None,
        schedule: str | None = None,
        labels: Mapping[str, str] | None = None,
        take_labels: Iterable[str] | None = None,
        take_identities: bool | None = None,
        display_name: str | None = None,
    ) -> PullPolicy:
        """Make a policy. It takes `webhooks:write` and `resources:write`.

        Args:
            name: By it the policy is known; the names of what it brings begin with it.
            webhook: The name of the webhook that lists the resources. It must be there.
            kinds: To ask for, and the only ones that are taken.
            base: Which of the listed resources are taken: as of webhook policies, with conditions
                over `resource` alone. Default: all.
            flags: Sent to the endpoint beside the kinds.
            schedule: Five fields of cron, at least 5 minutes apart, such as `"0 3 * * *"`, in UTC
                or behind `CRON_TZ=Zone`. Default: only when somebody asks.
            labels: For every resource that the policy brings.
            take_labels: The labels that are taken from the endpoint, by key; `"*"` is all but those
                below `indent.com/`. Default: none, as rules may grant by any of them.
            take_identities: Take `email` and `altIds`, which say who and what is the same: only
                for an endpoint that may say who is who.
            display_name: What people read.

        Raises:
            BadRequestError: `field` says what is at fault, such as `pullPolicy.schedule`.
            ConflictError: there is one of this name already.
        """
        body = _fields(
            webhook,
            kinds,
            base,
            flags,
            schedule,
            labels,
            take_labels,
            take_identities,
            display_name,
        )
        return self._call(_create(self._space, {"name": name} | body))

    def list(self) -> Pages[PullPolicy]:
        """All of the space and how they stand, by name."""
        return self._pages(_list(self._space))

    def get(self, name: str) -> PullPolicy:
        """One by its name, with how it stands."""
        return self._call(_get(self._space, name))

    def put(
        self,
        name: str,
        webhook: str,
        kinds: Iterable[str],
        *,
        base: Mapping[str, Any] | None = None,
        flags: Mapping[str, str] | None = None,
        schedule: str | None = None,
        labels: Mapping[str, str] | None = None,
        take_labels: Iterable[str] | None = None,
        take_identities: bool | None = None,
        display_name: str | None = None,
    ) -> PullPolicy:
        """Make the policy of this name, or put another in its place.

        What is left out is as it is by default. Else as `create`.
        """
        body = _fields(
            webhook,
            kinds,
            base,
            flags,
            schedule,
            labels,
            take_labels,
            take_identities,
            display_name,
        )
        return self._call(_put(self._space, name, body))

    def delete(self, name: str) -> None:
        """Delete one. What it brought stays in the directory."""
        return self._call(_delete(self._space, name))

    def pull(
        self,
        *,
        kinds: Iterable[str] | None = None,
        policy: str | None = None,
        flags: Mapping[str, str] | None = None,
        force: bool | None = None,
        wait: bool | None = None,
    ) -> Sequence[PullOutcome]:
        """Have webhooks list their resources now, and wait up to 20 seconds for what comes of it.

        Args:
            kinds: Only these kinds of resources. Default: all that policies ask for.
            policy: Only by the policy of this name.
            flags: Sent beside those of the policies. What is not listed is then not marked as gone.
            force: Mark as gone what is not listed any more, however much it is.
            wait: `False` answers at once.

        Returns:
            One of each policy. A pull that takes longer is `running`; one that failed is part of
            the answer, too: look at `state` and `problem`.

        Raises:
            NotFoundError: no policy asks for that.
        """
        return self._call(_pull(self._space, kinds, policy, flags, force, wait))


class AsyncPullPolicyAPI(AsyncNamespace):
    """Webhooks that fill the directory: as `PullPolicyAPI`, awaited."""

    async def create(
        self,
        name: str,
        webhook: str,
        kinds: Iterable[str],
        *,
        base: Mapping[str, Any] | None = None,
        flags: Mapping[str, str] | None = None,
        schedule: str | None = None,
        labels: Mapping[str, str] | None = None,
        take_labels: Iterable[str] | None = None,
        take_identities: bool | None = None,
        display_name: str | None = None,
    ) -> PullPolicy:
        """As `PullPolicyAPI.create`."""
        body = _fields(
            webhook,
            kinds,
            base,
            flags,
            schedule,
            labels,
            take_labels,
            take_identities,
            display_name,
        )
        return await self._call(_create(self._space, {"name": name} | body))

    def list(self) -> AsyncPages[PullPolicy]:
        """As `PullPolicyAPI.list`."""
        return self._pages(_list(self._space))

    async def get(self, name: str) -> PullPolicy:
        """As `PullPolicyAPI.get`."""
        return await self._call(_get(self._space, name))

    async def put(
        self,
        name: str,
        webhook: str,
        kinds: Iterable[str],
        *,
        base: Mapping[str, Any] | None = None,
        flags: Mapping[str, str] | None = None,
        schedule: str | None = None,
        labels: Mapping[str, str] | None = None,
        take_labels: Iterable[str] | None = None,
        take_identities: bool | None = None,
        display_name: str | None = None,
    ) -> PullPolicy:
        """As `PullPolicyAPI.put`."""
        body = _fields(
            webhook,
            kinds,
            base,
            flags,
            schedule,
            labels,
            take_labels,
            take_identities,
            display_name,
        )
        return await self._call(_put(self._space, name, body))

    async def delete(self, name: str) -> None:
        """As `PullPolicyAPI.delete`."""
        return await self._call(_delete(self._space, name))

    async def pull(
        self,
        *,
        kinds: Iterable[str] | None = None,
        policy: str | None = None,
        flags: Mapping[str, str] | None = None,
        force: bool | None = None,
        wait: bool | None = None,
    ) -> Sequence[PullOutcome]:
        """As `PullPolicyAPI.pull`."""
        return await self._call(_pull(self._space, kinds, policy, flags, force, wait))


# ---- the calls, the same for both clients ----


def _fields(
    webhook: str,
    kinds: Iterable[str],
    base: Mapping[str, Any] | None,
    flags: Mapping[str, str] | None,
    schedule: str | None,
    labels: Mapping[str, str] | None,
    take_labels: Iterable[str] | None,
    take_identities: bool | None,
    display_name: str | None,
) -> dict[str, Any]:
    return values.sent(
        webhook=webhook,
        kinds=_texts(kinds, "kinds"),
        base=values.json_object(base, "base"),
        flags=None if flags is None else dict(flags),
        schedule=schedule,
        labels=None if labels is None else dict(labels),
        takeLabels=_texts(take_labels, "take_labels"),
        takeIdentities=take_identities,
        displayName=display_name,
    )


def _texts(texts: Iterable[str] | None, name: str) -> list[str] | None:
    if isinstance(texts, str):
        raise TypeError(f"{name} is a list of texts")
    return None if texts is None else list(texts)


def _create(space: str, policy: dict[str, Any]) -> Call[PullPolicy]:
    return Call("POST", f"{space}/pullPolicies", _read, body={"pullPolicy": policy})


def _list(space: str) -> Call[Page[PullPolicy]]:
    return listing(f"{space}/pullPolicies", "pullPolicies", PullPolicy, {})


def _get(space: str, name: str) -> Call[PullPolicy]:
    return Call("GET", _path(space, name), _read, repeatable=True)


def _put(space: str, name: str, policy: dict[str, Any]) -> Call[PullPolicy]:
    return Call("PUT", _path(space, name), _read, body={"pullPolicy": policy}, repeatable=True)


def _delete(space: str, name: str) -> Call[None]:
    return Call("DELETE", _path(space, name), _nothing)


def _pull(
    space: str,
    kinds: Iterable[str] | None,
    policy: str | None,
    flags: Mapping[str, str] | None,
    force: bool | None,
    wait: bool | None,
) -> Call[list[PullOutcome]]:
    def read(body: Any) -> list[PullOutcome]:
        pulls = shaped(dict[str, Any], body, "answer").get("pulls")
        return shaped(list[PullOutcome], pulls, "pulls")

    body = values.sent(
        kinds=_texts(kinds, "kinds"),
        policy=policy,
        flags=None if flags is None else dict(flags),
        force=force,
        wait=wait,
    )
    patience = 0 if wait is False else PULL_SECONDS
    path = f"{space}/resources:pullUpdate"
    return Call("PUT", path, read, body=body, repeatable=True, patience=patience)


def _path(space: str, name: str) -> str:
    return f"{space}/pullPolicies/{values.segment(name)}"


def _read(body: Any) -> PullPolicy:
    return shaped(PullPolicy, body, "pull policy")


def _nothing(_: Any) -> None:
    return None
