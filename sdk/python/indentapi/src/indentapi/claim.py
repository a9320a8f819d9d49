"""`indent.claim`: decisions on a petition."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from . import values
from ._call import Call, new_key
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from .types import ClaimEvent, Confirmation, ConfirmationInput, Event, Petition
from .values import Duration


class ClaimAPI(Namespace):
    """Claims on petitions of the space. `indent.petition.approve` and `.deny` are shorter.

    >>> from indentapi import IndentAPI
    >>> indent = IndentAPI()
    >>> pet = indent.petition.create(reason="a test", resources=[{"kind": "action", "id": "x"}])
    >>> claim = indent.claim.create(pet, event="access/deny", reason="not today")
    >>> claim["event"], claim["reason"]
    ('access/deny', 'not today')
    >>> indent.claim.list(pet)[0]["id"] == claim["id"]
    True
    """

    def create(
        self,
        petition: Petition | str,
        *,
        event: ClaimEvent,
        reason: str | None = None,
        labels: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        confirmation: ConfirmationInput | None = None,
    ) -> Event:
        """Decide. Answers the claim.

        Args:
            petition: The petition, or its name. A petition brings its digest along.
            event: `access/approve`, `access/deny` or `access/revoke`.
            reason: At most 4,000 characters.
            labels: `indent.com/time/duration`, `indent.com/time/expires` or
                `indent.com/time/indefinite` for the grant; `indent.com/petition/digest`.
            idempotency_key: Made for you when left out, so that a retry decides once.
            confirmation: A passkey's signature, for an approval whose requirement says
                `confirm: passkey`. Most people confirm on the petition's page instead.

        Raises:
            ConflictError: it has been decided already; the message says by whom and when. Or the
                digest is another one.
            PermissionDeniedError: the token's owner may not decide it.
        """
        return self._call(
            create(self._space, petition, event, reason, labels, idempotency_key, confirmation)
        )

    def list(self, petition: Petition | str) -> Pages[Event]:
        """The claims on a petition, oldest first."""
        return self._pages(_list(self._space, petition))

    def get(self, petition: Petition | str, claim_id: str) -> Event:
        """One claim, by its id."""
        return self._call(get(self._space, petition, claim_id))


class AsyncClaimAPI(AsyncNamespace):
    """Claims on petitions of the space: as `ClaimAPI`, awaited."""

    async def create(
        self,
        petition: Petition | str,
        *,
        event: ClaimEvent,
        reason: str | None = None,
        labels: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        confirmation: ConfirmationInput | None = None,
    ) -> Event:
        """As `ClaimAPI.create`."""
        return await self._call(
            create(self._space, petition, event, reason, labels, idempotency_key, confirmation)
        )

    def list(self, petition: Petition | str) -> AsyncPages[Event]:
        """As `ClaimAPI.list`."""
        return self._pages(_list(self._space, petition))

    async def get(self, petition: Petition | str, claim_id: str) -> Event:
        """As `ClaimAPI.get`."""
        return await self._call(get(self._space, petition, claim_id))


def confirmation_of(claim: Event) -> Confirmation | None:
    """What confirms a claim; None when no passkey has confirmed it.

    The server has checked it. `indent claim verify` checks it once more, without a server.
    Raises `APIResponseError` when only a part of it is there.

    >>> from indentapi import IndentAPI, confirmation_of
    >>> indent = IndentAPI()
    >>> pet = indent.petition.create(reason="a test", resources=[{"kind": "action", "id": "x"}])
    >>> indent.petition.approve(pet)["event"]
    'access/approve'
    >>> [confirmation_of(claim) for claim in indent.claim.list(pet)]
    [None]
    """
    labels = claim["meta"]["labels"]
    there = {part: labels.get(f"indent.com/claim/passkey/{label}", "") for part, label in _PARTS}
    if not any(there.values()):
        return None
    confirmed = {**there, "digest": labels.get("indent.com/petition/digest")}
    return shaped(Confirmation, confirmed, "confirmation")


_PARTS = (
    ("credentialId", "credential"),
    ("publicKey", "publicKey"),
    ("clientDataJSON", "clientData"),
    ("authenticatorData", "authenticatorData"),
    ("signature", "signature"),
)


# ---- the calls, the same for both clients ----


def decide(
    space: str,
    petition: Petition | str,
    event: ClaimEvent,
    *,
    reason: str | None = None,
    duration: Duration | None = None,
    expires: datetime | str | None = None,
    indefinite: bool = False,
    digest: str | None = None,
) -> Call[Event]:
    terms = {
        "indent.com/time/duration": None if duration is None else values.go_duration(duration),
        "indent.com/time/expires": None if expires is None else values.moment(expires),
        "indent.com/time/indefinite": "true" if indefinite else None,
    }
    labels = {key: value for key, value in terms.items() if value is not None}
    if len(labels) > 1:
        raise TypeError("give one of duration, expires and indefinite")
    if digest is not None:
        labels["indent.com/petition/digest"] = digest
    return create(space, petition, event, reason, labels, None)


def create(
    space: str,
    petition: Petition | str,
    event: ClaimEvent,
    reason: str | None,
    labels: Mapping[str, str] | None,
    idempotency_key: str | None,
    confirmation: ConfirmationInput | None = None,
) -> Call[Event]:
    labels = dict(labels or {})
    if not isinstance(petition, str) and petition["digest"]:
        labels.setdefault("indent.com/petition/digest", petition["digest"])
    claim = values.sent(
        event=event,
        reason=reason,
        meta={"labels": labels} if labels else None,
        confirmation=None if confirmation is None else dict(confirmation),
    )
    key = new_key() if idempotency_key is None else values.key(idempotency_key)
    return Call(
        "POST",
        _path(space, petition),
        _read,
        headers={"Idempotency-Key": key},
        body={"claim": claim},
        repeatable=True,
    )


def get(space: str, petition: Petition | str, claim_id: str) -> Call[Event]:
    path = f"{_path(space, petition)}/{values.segment(claim_id)}"
    return Call("GET", path, _read, repeatable=True)


def _list(space: str, petition: Petition | str) -> Call[Page[Event]]:
    return listing(_path(space, petition), "claims", Event, {})


def _path(space: str, petition: Petition | str) -> str:
    name = petition if isinstance(petition, str) else petition["name"]
    return f"{space}/petitions/{values.segment(name)}/claims"


def _read(body: Any) -> Event:
    return shaped(Event, body, "claim")
