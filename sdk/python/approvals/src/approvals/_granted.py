"""The one thing that `approval` returns, and the ways in which it raises instead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NoReturn, cast

from indentapi.types import Petition, Resource
from indentapi.values import printable

from .errors import (
    ApprovalDenied,
    ApprovalExpired,
    ApprovalRevoked,
    ApprovalUnavailable,
    ApprovalWithdrawn,
)


class Approval(Mapping[str, Any]):
    """A granted petition. It reads like the petition's dict, and has names for what matters.

    Let what runs use `.params` and `.resources`: they are what the reviewer saw.
    """

    def __init__(self, petition: Petition, expires: datetime | None) -> None:
        self.petition = petition
        """The petition as the server answered it."""
        self.expires = expires
        """When the grant ends, in UTC; None when it does not end."""

    @property
    def name(self) -> str:
        """The petition's name, a UUID."""
        return self.petition["name"]

    @property
    def space(self) -> str:
        """The name of the space."""
        return self.petition["spaceName"]

    @property
    def reason(self) -> str:
        """Why it was asked for."""
        return self.petition["reason"]

    @property
    def resources(self) -> Sequence[Resource]:
        """What was approved."""
        return self.petition["resources"]

    @property
    def params(self) -> dict[str, Any]:
        """What the action was approved with; empty when no params were sent."""
        return self.petition.get("params", {})

    @property
    def digest(self) -> str:
        """`"sha256:…"` over all that was asked."""
        return self.petition["digest"]

    @property
    def reviewer(self) -> str:
        """The address or id of who approved; empty when a rule did."""
        return reviewer_of(self.petition)

    def __getitem__(self, key: str) -> Any:
        return cast("Mapping[str, Any]", self.petition)[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.petition)

    def __len__(self) -> int:
        return len(self.petition)

    def __repr__(self) -> str:
        until = f", until {self.expires.isoformat()}" if self.expires else ""
        return f"<Approval {reference(self.petition)}{until}>"


def granted(petition: Petition, now: datetime) -> Approval:
    """The approval that a petition gives at this moment; raises whenever it gives none."""
    status = petition["state"]["status"]
    if status["phase"] == "granted":
        return _in_force(petition, now)
    if status["phase"] == "closed":
        _raise_outcome(petition, status.get("outcome", ""))
    if status["phase"] == "revoked":  # on its way to closed
        claim = petition["state"].get("decision", {}).get("claim")
        _raise_outcome(petition, "revoked" if claim == "access/revoke" else "ended")
    raise ApprovalUnavailable(
        f"petition {reference(petition)} is in the phase {status['phase']!r}, which this version "
        "of approvals does not know: that is no approval. Upgrade approvals.",
        petition,
    )


def reference(petition: Petition) -> str:
    """A petition as people see it."""
    return f"#{petition['spaceName']}/{petition['name']}"


def reviewer_of(petition: Petition) -> str:
    """The address or id of who decided; empty when a rule or time did."""
    decision = petition["state"].get("decision")
    if decision is None:
        return ""
    actor = decision["actor"]
    return actor["email"] or actor["id"] or actor["displayName"]


def decided_by(petition: Petition) -> str:
    """Who decided, for people: a deputy's decision says for whom it is."""
    by = reviewer_of(petition)
    decision = petition["state"].get("decision")
    away = decision.get("onBehalfOf") if decision else None
    return f"{by} on behalf of {away}" if away else by


def _in_force(petition: Petition, now: datetime) -> Approval:
    grant = petition["state"].get("grant")
    if grant is None:
        raise ApprovalUnavailable(
            f"petition {reference(petition)} is granted without a grant: that is no approval",
            petition,
        )
    end = grant.get("endTime")
    expires = None if end is None else _moment(end, petition)
    if expires is not None and expires <= now:
        raise ApprovalExpired(
            f"the grant of {reference(petition)} ended at {end}, and by this machine's clock it is "
            f"{now:%Y-%m-%dT%H:%M:%SZ}: ask anew, or set the clock",
            petition,
        )
    return Approval(petition, expires)


def _raise_outcome(petition: Petition, outcome: str) -> NoReturn:
    ref, reviewer = reference(petition), reviewer_of(petition)
    decision = petition["state"].get("decision")
    verdict = petition["state"].get("verdict")
    reason = decision["reason"] if decision else verdict["explanation"] if verdict else ""
    by = f" by {decided_by(petition)}" if reviewer else " by a rule"
    why = f": {reason}" if reason else ""
    if outcome == "denied":
        text = printable(f"{ref} was denied{by}{why}")
        raise ApprovalDenied(text, petition, reviewer, reason)
    if outcome == "revoked":
        text = printable(f"{ref} was granted, and revoked{by}{why}")
        raise ApprovalRevoked(text, petition, reviewer, reason)
    if outcome == "withdrawn":
        raise ApprovalWithdrawn(printable(f"{ref} was withdrawn{why}"), petition)
    if outcome == "expired":
        raise ApprovalExpired(f"{ref} expired: nobody decided in time. Ask anew.", petition)
    if outcome == "ended":
        raise ApprovalExpired(f"{ref} was granted, and its time is up. Ask anew.", petition)
    raise ApprovalUnavailable(
        f"{ref} is {petition['state']['status']['phase']} with the outcome {outcome!r}, which this "
        "version of approvals does not know: that is no approval. Upgrade approvals.",
        petition,
    )


def _moment(text: str, petition: Petition) -> datetime:
    """An RFC 3339 time in UTC; Python 3.10's own reader knows neither Z nor nanoseconds."""
    try:
        if match := re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z", text):
            return datetime.fromisoformat(match[1]).replace(tzinfo=timezone.utc)
    except ValueError:
        pass
    raise ApprovalUnavailable(
        f"the end of the grant of {reference(petition)} is {text!r}, which is no time", petition
    )
