"""`indent.petition`: ask, read, wait, replace, withdraw; and decide."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterable, Mapping
from datetime import datetime
from typing import Any

from . import claim as claims
from . import values
from ._call import Call, new_key
from ._crowd import seated
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from .types import Event, Petition, Phase, ResourceLike
from .values import Duration
from .watch import Watch, get, read, waiting


class PetitionAPI(Namespace):
    """Petitions of the space.

    >>> from indentapi import IndentAPI
    >>> indent = IndentAPI()  # INDENT_SPACE and INDENT_API_TOKEN from the environment or .env
    >>> pet = indent.petition.create(
    ...     reason="to debug production",
    ...     resources=[{"kind": "database", "id": "production"}],
    ... )
    >>> pet["state"]["status"]["phase"]
    'open'
    >>> [p["name"] == pet["name"] for p in indent.petition.list(phase="open")]
    [True]
    """

    def create(
        self,
        *,
        reason: str,
        resources: Iterable[ResourceLike],
        petitioners: Iterable[ResourceLike] | None = None,
        params: Mapping[str, Any] | None = None,
        duration: Duration | None = None,
        labels: Mapping[str, str] | None = None,
        start_time: datetime | str | None = None,
        wait_for_reviewable: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Petition:
        """Ask for something. The answer is open, or already granted or closed when a rule decided.

        Args:
            reason: Why; reviewers read it. 1 to 4,000 characters.
            resources: What is asked for, 1 to 100. Dicts, or resources from `resource.list`.
            petitioners: Who shall be allowed it, at most 20; the owner of the token by default.
            params: What the action will be done with: a JSON object of at most 64 KiB. It is shown
                to the reviewer in full and is part of the digest. Whole numbers beyond 2^53-1 are
                refused: send them as text.
            duration: How long it is asked for: seconds, a timedelta or text such as `"1h30m"`.
            labels: At most 64; keys of 200, values of 1,000 characters.
            start_time: When the grant begins, at most 90 days away. Default: at once. Whoever waits
                is told when it is granted, not when it begins.
            idempotency_key: 1 to 200 visible ASCII characters. The same key with the same content
                answers the same petition; with other content it is a `ConflictError`. Made
                for you when left out, so that a retry never asks twice.

        Raises:
            BadRequestError: a field is not as it must be; `.field` says which.
            ConflictError: the idempotency key was used for another petition.
        """
        return self._call(
            create(
                self._space,
                asked_for(reason, resources, petitioners, params, duration, labels, start_time),
                wait_for_reviewable=wait_for_reviewable,
                idempotency_key=idempotency_key,
            )
        )

    def get(self, name: str) -> Petition:
        """The petition of this name. `NotFoundError` when it is not there, or not yours to see."""
        return self._call(get(self._space, name))

    def list(
        self,
        *,
        phase: Phase | None = None,
        search: str | None = None,
        label_selector: str | None = None,
        petitioner: str | None = None,
        reviewer: str | None = None,
        full: bool = False,
        ascending: bool = False,
        page_size: int | None = None,
    ) -> Pages[Petition]:
        """Petitions, newest first, read page by page as you iterate.

        Args:
            phase: Only those in this phase.
            search: Words to find in them.
            label_selector: Such as `"team=core,env in (prod, stage)"` (Kubernetes syntax).
            petitioner: Only those that this id asked for or made; `"me"` is the token's owner.
            reviewer: `"me"`: only those that wait for the decision of the token's owner.
            full: With the events of each in `state.eventHistory`.
            ascending: Oldest first.
            page_size: 1 to 200 per request; 50 by default.
        """
        return self._pages(
            _list(
                self._space,
                phase=phase,
                search=search,
                labelSelector=label_selector,
                petitioner=petitioner,
                reviewer=reviewer,
                full=full,
                ascending=ascending,
                pageSize=page_size,
            )
        )

    def wait(self, name: str, *, timeout: float | None = None) -> Petition:
        """Wait until the petition has left the phase `open`, and answer it.

        It returns the moment the decision is made. A restarting server, broken connections, 429 and
        5xx in between are waited out. It holds a connection, as it holds its thread: a program that
        waits for hundreds uses `AsyncIndentAPI`, whose waits share a few.

        Args:
            name: The petition's name.
            timeout: Seconds; when they are over the petition is answered as it was last seen, still
                `open`. None waits for ever.

        Raises:
            APIConnectionError, InternalServerError: the server could not be asked when the time
                was up.
            NotFoundError, AuthenticationError: there is nothing to wait for.
        """
        return self._wire.run(waiting(self._space, name, timeout))

    def replace(
        self,
        name: str,
        *,
        reason: str,
        resources: Iterable[ResourceLike],
        petitioners: Iterable[ResourceLike] | None = None,
        params: Mapping[str, Any] | None = None,
        duration: Duration | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Petition:
        """Withdraw an open petition and ask anew in its place; answers the new one.

        A petition is never edited: what was shown stays what is decided. Arguments as in `create`.
        `ConflictError` when it is no longer open.
        """
        asked = asked_for(reason, resources, petitioners, params, duration, labels)
        return self._call(replace(self._space, name, asked))

    def withdraw(self, name: str) -> Petition:
        """Take an open petition back; answers it, closed. `ConflictError` when it is not open."""
        return self._call(withdraw(self._space, name))

    def approve(
        self,
        petition: Petition | str,
        *,
        reason: str | None = None,
        duration: Duration | None = None,
        expires: datetime | str | None = None,
        indefinite: bool = False,
        digest: str | None = None,
    ) -> Event:
        """Approve as a reviewer; answers the claim.

        Give the petition as you have read it, rather than its name: its digest goes along, and the
        server refuses the claim should the petition be another one than you have seen.

        Args:
            duration: How long the grant lasts, instead of what was asked for.
            expires: When it ends. indefinite: it does not end. At most one of the three.

        Raises:
            ConflictError: it has been decided already; the message says by whom and when. Or its
                digest is another one.
            PermissionDeniedError: the token's owner is no reviewer of it.
        """
        return self._call(
            claims.decide(
                self._space,
                petition,
                "access/approve",
                reason=reason,
                duration=duration,
                expires=expires,
                indefinite=indefinite,
                digest=digest,
            )
        )

    def deny(
        self, petition: Petition | str, *, reason: str | None = None, digest: str | None = None
    ) -> Event:
        """Deny as a reviewer, or withdraw as the petitioner; answers the claim.

        Raises as `approve`.
        """
        return self._call(
            claims.decide(self._space, petition, "access/deny", reason=reason, digest=digest)
        )

    def revoke(self, petition: Petition | str, *, reason: str | None = None) -> Event:
        """Take a granted permission away; answers the claim. Raises as `approve`."""
        return self._call(claims.decide(self._space, petition, "access/revoke", reason=reason))

    def url(self, petition: Petition) -> str:
        """The address of the petition's page, for people."""
        return page_url(self._wire.settings.url, petition)


class AsyncPetitionAPI(AsyncNamespace):
    """Petitions of the space: as `PetitionAPI`, awaited."""

    async def create(
        self,
        *,
        reason: str,
        resources: Iterable[ResourceLike],
        petitioners: Iterable[ResourceLike] | None = None,
        params: Mapping[str, Any] | None = None,
        duration: Duration | None = None,
        labels: Mapping[str, str] | None = None,
        start_time: datetime | str | None = None,
        wait_for_reviewable: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Petition:
        """As `PetitionAPI.create`."""
        return await self._call(
            create(
                self._space,
                asked_for(reason, resources, petitioners, params, duration, labels, start_time),
                wait_for_reviewable=wait_for_reviewable,
                idempotency_key=idempotency_key,
            )
        )

    async def get(self, name: str) -> Petition:
        """As `PetitionAPI.get`."""
        return await self._call(get(self._space, name))

    def list(
        self,
        *,
        phase: Phase | None = None,
        search: str | None = None,
        label_selector: str | None = None,
        petitioner: str | None = None,
        reviewer: str | None = None,
        full: bool = False,
        ascending: bool = False,
        page_size: int | None = None,
    ) -> AsyncPages[Petition]:
        """As `PetitionAPI.list`: `async for`, or `await` for all of them."""
        return self._pages(
            _list(
                self._space,
                phase=phase,
                search=search,
                labelSelector=label_selector,
                petitioner=petitioner,
                reviewer=reviewer,
                full=full,
                ascending=ascending,
                pageSize=page_size,
            )
        )

    async def wait(self, name: str, *, timeout: float | None = None) -> Petition:
        """As `PetitionAPI.wait`. Cancelling stops waiting at once.

        When more than four wait at once in an event loop, for one space with one token, they share
        a few connections.
        """
        async with self.watch() as watch:
            return await watch.wait(name, timeout=timeout)

    @contextlib.asynccontextmanager
    async def watch(self) -> AsyncGenerator[Watch]:
        """A wait in pieces: `async with indent.petition.watch() as watch: await watch.wait(…)`.

        For code that does something between, as `approvals` does: it keeps its place among those
        who share a connection, however often it looks up.
        """
        async with seated(self._wire) as seat:
            yield Watch(seat, self._space)

    async def replace(
        self,
        name: str,
        *,
        reason: str,
        resources: Iterable[ResourceLike],
        petitioners: Iterable[ResourceLike] | None = None,
        params: Mapping[str, Any] | None = None,
        duration: Duration | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Petition:
        """As `PetitionAPI.replace`."""
        asked = asked_for(reason, resources, petitioners, params, duration, labels)
        return await self._call(replace(self._space, name, asked))

    async def withdraw(self, name: str) -> Petition:
        """As `PetitionAPI.withdraw`."""
        return await self._call(withdraw(self._space, name))

    async def approve(
        self,
        petition: Petition | str,
        *,
        reason: str | None = None,
        duration: Duration | None = None,
        expires: datetime | str | None = None,
        indefinite: bool = False,
        digest: str | None = None,
    ) -> Event:
        """As `PetitionAPI.approve`."""
        return await self._call(
            claims.decide(
                self._space,
                petition,
                "access/approve",
                reason=reason,
                duration=duration,
                expires=expires,
                indefinite=indefinite,
                digest=digest,
            )
        )

    async def deny(
        self, petition: Petition | str, *, reason: str | None = None, digest: str | None = None
    ) -> Event:
        """As `PetitionAPI.deny`."""
        return await self._call(
            claims.decide(self._space, petition, "access/deny", reason=reason, digest=digest)
        )

    async def revoke(self, petition: Petition | str, *, reason: str | None = None) -> Event:
        """As `PetitionAPI.revoke`."""
        return await self._call(
            claims.decide(self._space, petition, "access/revoke", reason=reason)
        )

    def url(self, petition: Petition) -> str:
        """As `PetitionAPI.url`."""
        return page_url(self._wire.settings.url, petition)


def page_url(server: str, petition: Petition) -> str:
    """The address of the petition's page."""
    space, name = values.segment(petition["spaceName"]), values.segment(petition["name"])
    return f"{server}/access/{space}/{name}"


# ---- the calls, the same for both clients ----


def asked_for(
    reason: str,
    resources: Iterable[ResourceLike],
    petitioners: Iterable[ResourceLike] | None,
    params: Mapping[str, Any] | None,
    duration: Duration | None,
    labels: Mapping[str, str] | None,
    start_time: datetime | str | None = None,
) -> dict[str, Any]:
    """A petition as one sends it."""
    return values.sent(
        reason=reason,
        resources=values.resources(resources),
        petitioners=values.resources(petitioners),
        params=values.json_object(params, "params"),
        defaultDuration=None if duration is None else values.seconds(duration),
        startTime=None if start_time is None else values.moment(start_time),
        meta=None if labels is None else {"labels": dict(labels)},
    )


def create(
    space: str,
    petition: Mapping[str, Any],
    *,
    wait_for_reviewable: bool | None = None,
    idempotency_key: str | None = None,
) -> Call[Petition]:
    key = new_key() if idempotency_key is None else values.key(idempotency_key)
    return Call(
        "POST",
        f"{space}/petitions",
        read,
        headers={"Idempotency-Key": key},
        body=values.sent(petition=petition, waitForReviewable=wait_for_reviewable),
        repeatable=True,
    )


def _list(space: str, **query: str | int | None) -> Call[Page[Petition]]:
    return listing(f"{space}/petitions", "petitions", Petition, values.query(**query))


def replace(space: str, name: str, petition: Mapping[str, Any]) -> Call[Petition]:
    path = f"{space}/petitions/{values.segment(name)}"
    return Call("PUT", path, read, body={"petition": petition})


def withdraw(space: str, name: str) -> Call[Petition]:
    return Call("DELETE", f"{space}/petitions/{values.segment(name)}", read)
