"""`indent.policy`: the rule document of the space."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from . import values
from ._call import Call
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from .petition import asked_for
from .policy_types import (
    PolicyChange,
    PolicyCheck,
    PolicyDiff,
    PolicyDocument,
    PolicyProposal,
    PolicyReplay,
    PolicyReport,
    PolicySimulation,
    PolicyVersion,
    Stuck,
)
from .types import ResourceLike
from .values import Duration

T = TypeVar("T")


class PolicyAPI(Namespace):
    """The rules by which petitions are decided. Everybody reads them, owners change them.

    >>> from indentapi import IndentAPI
    >>> indent = IndentAPI()
    >>> policy = indent.policy.get()
    >>> policy["version"], "rules:" in policy["text"]
    (1, True)
    >>> said = indent.policy.simulate(reason="to look", resources=[{"id": "production"}])
    >>> said["verdict"]["decision"]
    'review'
    """

    def get(self) -> PolicyDocument:
        """The version that holds now. `NotFoundError` when the space has none."""
        return self._call(_get(self._space))

    def versions(self) -> Pages[PolicyVersion]:
        """All versions without their texts, newest first."""
        return self._pages(_versions(self._space))

    def version(self, version: int) -> PolicyDocument:
        """One version, such as the one that a verdict names as its `policyVersion`."""
        return self._call(_version(self._space, version))

    def diff(self, version: int, *, since: int | None = None) -> PolicyDiff:
        """What leads from the version `since`, by default the one before, to this one."""
        return self._call(_diff(self._space, version, since))

    def apply(self, text: str, *, reason: str, expect: int) -> PolicyChange:
        """Make a text the next version.

        Args:
            text: The whole document, YAML or JSON, at most 256 KiB.
            reason: Why it changes; auditors read it. 1 to 4,000 characters.
            expect: The version that the text was made of, 0 where there is none yet.

        Returns:
            What came of it. Where the rules demand that a change is granted first, `applied` is
            False, and the change is made when `petition` is granted.

        Raises:
            BadRequestError: it does not compile or its tests fail: `.findings` says where.
            ConflictError: another version holds than `expect`.
        """
        return self._call(_apply(self._space, text, reason, expect))

    def roll_back(self, version: int, *, reason: str, expect: int) -> PolicyChange:
        """Make the text of an old version the next version; otherwise as `apply`."""
        return self._call(_roll_back(self._space, version, reason, expect))

    def proposal(self, petition: str) -> PolicyProposal:
        """The text that a petition for another policy asks for."""
        return self._call(_proposal(self._space, petition))

    def test(self, text: str) -> PolicyReport:
        """Compile a document and run its tests. That it would not be taken is an answer."""
        return self._call(_test(self._space, text))

    def check(self, text: str | None = None) -> PolicyCheck:
        """What would go wrong with a document in the space; the one that holds by default."""
        return self._call(_check(self._space, text))

    def stuck(self) -> Stuck:
        """What nobody could approve as things stand.

        Kinds of petitions under the rules that hold, and petitions that wait. It takes
        `members:read` and `petitions:read`.
        """
        return self._call(_stuck(self._space))

    def replay(self, text: str, *, since: datetime | str | None = None) -> PolicyReplay:
        """What a document would have said to the petitions of the past, the last 30 days by
        default, with the directory as of now."""
        return self._call(_replay(self._space, text, since))

    def simulate(
        self,
        *,
        reason: str,
        resources: Iterable[ResourceLike],
        petitioners: Iterable[ResourceLike] | None = None,
        params: Mapping[str, Any] | None = None,
        duration: Duration | None = None,
        labels: Mapping[str, str] | None = None,
        actor: str | None = None,
        text: str | None = None,
        time: datetime | str | None = None,
    ) -> PolicySimulation:
        """What the rules would say to a petition, and why. Nothing is made.

        Args:
            actor: The id of the member that would ask; you by default. For another one you need the
                permission `members:read`.
            text: A document to try; the one that holds by default.
            time: When it would be asked; now by default.

        The other arguments are those of `petition.create`.
        """
        asked = asked_for(reason, resources, petitioners, params, duration, labels)
        return self._call(_simulate(self._space, asked, actor, text, time))


class AsyncPolicyAPI(AsyncNamespace):
    """The rules by which petitions are decided: as `PolicyAPI`, awaited."""

    async def get(self) -> PolicyDocument:
        """As `PolicyAPI.get`."""
        return await self._call(_get(self._space))

    def versions(self) -> AsyncPages[PolicyVersion]:
        """As `PolicyAPI.versions`."""
        return self._pages(_versions(self._space))

    async def version(self, version: int) -> PolicyDocument:
        """As `PolicyAPI.version`."""
        return await self._call(_version(self._space, version))

    async def diff(self, version: int, *, since: int | None = None) -> PolicyDiff:
        """As `PolicyAPI.diff`."""
        return await self._call(_diff(self._space, version, since))

    async def apply(self, text: str, *, reason: str, expect: int) -> PolicyChange:
        """As `PolicyAPI.apply`."""
        return await self._call(_apply(self._space, text, reason, expect))

    async def roll_back(self, version: int, *, reason: str, expect: int) -> PolicyChange:
        """As `PolicyAPI.roll_back`."""
        return await self._call(_roll_back(self._space, version, reason, expect))

    async def proposal(self, petition: str) -> PolicyProposal:
        """As `PolicyAPI.proposal`."""
        return await self._call(_proposal(self._space, petition))

    async def test(self, text: str) -> PolicyReport:
        """As `PolicyAPI.test`."""
        return await self._call(_test(self._space, text))

    async def check(self, text: str | None = None) -> PolicyCheck:
        """As `PolicyAPI.check`."""
        return await self._call(_check(self._space, text))

    async def stuck(self) -> Stuck:
        """As `PolicyAPI.stuck`."""
        return await self._call(_stuck(self._space))

    async def replay(self, text: str, *, since: datetime | str | None = None) -> PolicyReplay:
        """As `PolicyAPI.replay`."""
        return await self._call(_replay(self._space, text, since))

    async def simulate(
        self,
        *,
        reason: str,
        resources: Iterable[ResourceLike],
        petitioners: Iterable[ResourceLike] | None = None,
        params: Mapping[str, Any] | None = None,
        duration: Duration | None = None,
        labels: Mapping[str, str] | None = None,
        actor: str | None = None,
        text: str | None = None,
        time: datetime | str | None = None,
    ) -> PolicySimulation:
        """As `PolicyAPI.simulate`."""
        asked = asked_for(reason, resources, petitioners, params, duration, labels)
        return await self._call(_simulate(self._space, asked, actor, text, time))


# ---- the calls, the same for both clients ----


def _get(space: str) -> Call[PolicyDocument]:
    return _read(PolicyDocument, f"{space}/policy")


def _versions(space: str) -> Call[Page[PolicyVersion]]:
    return listing(f"{space}/policy/versions", "versions", PolicyVersion, {})


def _version(space: str, version: int) -> Call[PolicyDocument]:
    return _read(PolicyDocument, f"{space}/policy/versions/{version:d}")


def _diff(space: str, version: int, since: int | None) -> Call[PolicyDiff]:
    query = {} if since is None else {"with": str(since)}
    return _read(PolicyDiff, f"{space}/policy/versions/{version:d}:diff", query)


def _apply(space: str, text: str, reason: str, expect: int) -> Call[PolicyChange]:
    body = {"text": text, "reason": reason}
    return _changing("PUT", f"{space}/policy", body, expect)


def _roll_back(space: str, version: int, reason: str, expect: int) -> Call[PolicyChange]:
    body = {"version": version, "reason": reason}
    return _changing("POST", f"{space}/policy:rollback", body, expect)


def _proposal(space: str, petition: str) -> Call[PolicyProposal]:
    return _read(PolicyProposal, f"{space}/policy/proposals/{values.segment(petition)}")


def _test(space: str, text: str) -> Call[PolicyReport]:
    return _asking(PolicyReport, f"{space}/policy:test", {"text": text})


def _check(space: str, text: str | None) -> Call[PolicyCheck]:
    return _asking(PolicyCheck, f"{space}/policy:check", values.sent(text=text))


def _stuck(space: str) -> Call[Stuck]:
    return _read(Stuck, f"{space}/policy/stuck")


def _replay(space: str, text: str, since: datetime | str | None) -> Call[PolicyReplay]:
    moment = None if since is None else values.moment(since)
    return _asking(PolicyReplay, f"{space}/policy:replay", values.sent(text=text, since=moment))


def _simulate(
    space: str,
    petition: Mapping[str, Any],
    actor: str | None,
    text: str | None,
    time: datetime | str | None,
) -> Call[PolicySimulation]:
    moment = None if time is None else values.moment(time)
    body = values.sent(petition=petition, text=text, time=moment)
    if actor is not None:
        body["as"] = actor
    return _asking(PolicySimulation, f"{space}/policy:simulate", body)


def _read(kind: type[T], path: str, query: Mapping[str, str] | None = None) -> Call[T]:
    def read(body: Any) -> T:
        return shaped(kind, body, "policy")

    return Call("GET", path, read, query=query or {}, repeatable=True)


def _asking(kind: type[T], path: str, body: object) -> Call[T]:
    """A call that changes nothing, and so may be sent again."""

    def read(body: Any) -> T:
        return shaped(kind, body, "policy")

    return Call("POST", path, read, body=body, repeatable=True)


def _changing(method: str, path: str, body: object, expect: int) -> Call[PolicyChange]:
    def read(body: Any) -> PolicyChange:
        return shaped(PolicyChange, body, "policy")

    return Call(method, path, read, headers={"If-Match": f'"{expect:d}"'}, body=body)
