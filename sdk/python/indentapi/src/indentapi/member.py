"""`indent.member` and `indent.identity`: who is in the space, in which role, by which names."""

from __future__ import annotations

from typing import Any

from . import values
from ._call import Call
from ._namespace import AsyncNamespace, Namespace
from ._pages import AsyncPages, Page, Pages, listing
from ._shape import shaped
from .types import Identity, Member, MemberKind, Role, WhoAmI


class MemberAPI(Namespace):
    """Members of the space: persons by address, service accounts by id.

    >>> from indentapi import IndentAPI
    >>> indent = IndentAPI()
    >>> indent.member.put("ada@example.com", role="Editor", display_name="Ada")["role"]
    'Editor'
    >>> indent.member.put("ada@example.com", suspended=True)["suspended"]
    True
    >>> [m["id"] for m in indent.member.list(kind="user")]
    ['ada@example.com']
    >>> indent.member.delete("ada@example.com")
    """

    def list(self, *, kind: MemberKind | None = None) -> Pages[Member]:
        """The members, by id; only the persons (`user`) or the service accounts of them."""
        return self._pages(_list(self._space, kind))

    def get(self, member: str) -> Member:
        """The member of this address or id. `NotFoundError` when there is none."""
        return self._call(_get(self._space, member))

    def put(
        self,
        member: str,
        *,
        role: Role | None = None,
        display_name: str | None = None,
        suspended: bool | None = None,
    ) -> Member:
        """Add a person, or change what is given of one. Answers the member as it is now.

        Args:
            member: The address of the person; at most 320 characters.
            role: `Viewer`, `Auditor`, `Petition Admin`, `Editor` or `Owner`. Who comes is a
                `Viewer` unless it says otherwise.
            display_name: What people read; at most 500 characters.
            suspended: True ends every token, session and link of the person at once.

        Raises:
            PermissionDeniedError: the role has, or the person's had, more than your own token.
            ConflictError: nobody would be left who owns the space.
        """
        return self._call(_put(self._space, member, role, display_name, suspended))

    def delete(self, member: str) -> None:
        """Take a person out of the space, with every token, session, identity and membership.

        The person's service accounts are suspended. `ConflictError` for the last owner.
        """
        return self._call(_delete(self._space, member))


class AsyncMemberAPI(AsyncNamespace):
    """Members of the space: as `MemberAPI`, awaited."""

    def list(self, *, kind: MemberKind | None = None) -> AsyncPages[Member]:
        """As `MemberAPI.list`."""
        return self._pages(_list(self._space, kind))

    async def get(self, member: str) -> Member:
        """As `MemberAPI.get`."""
        return await self._call(_get(self._space, member))

    async def put(
        self,
        member: str,
        *,
        role: Role | None = None,
        display_name: str | None = None,
        suspended: bool | None = None,
    ) -> Member:
        """As `MemberAPI.put`."""
        return await self._call(_put(self._space, member, role, display_name, suspended))

    async def delete(self, member: str) -> None:
        """As `MemberAPI.delete`."""
        return await self._call(_delete(self._space, member))


class IdentityAPI(Namespace):
    """Other names of a person: addresses, or accounts elsewhere such as `slack:T01/U02`.

    A person counts once under all of them.

    >>> from indentapi import IndentAPI
    >>> indent = IndentAPI()
    >>> _ = indent.member.put("ada@example.com")
    >>> indent.identity.create("ada@example.com", "slack:T01/U02")["member"]
    'ada@example.com'
    >>> [i["identity"] for i in indent.identity.list("ada@example.com")]
    ['slack:T01/U02']
    >>> indent.identity.delete("ada@example.com", "slack:T01/U02")
    """

    def list(self, member: str) -> Pages[Identity]:
        """The identities of the person of this address."""
        return self._pages(_identities(self._space, member))

    def create(self, member: str, identity: str) -> Identity:
        """Link an identity to a person; at most 1,024 characters.

        The address of another member makes both one person. `ConflictError` when it is linked to
        somebody else.
        """
        return self._call(_link(self._space, member, identity))

    def delete(self, member: str, identity: str) -> None:
        """Unlink an identity. `NotFoundError` when the person has not got it."""
        return self._call(_unlink(self._space, member, identity))


class AsyncIdentityAPI(AsyncNamespace):
    """Other names of a person: as `IdentityAPI`, awaited."""

    def list(self, member: str) -> AsyncPages[Identity]:
        """As `IdentityAPI.list`."""
        return self._pages(_identities(self._space, member))

    async def create(self, member: str, identity: str) -> Identity:
        """As `IdentityAPI.create`."""
        return await self._call(_link(self._space, member, identity))

    async def delete(self, member: str, identity: str) -> None:
        """As `IdentityAPI.delete`."""
        return await self._call(_unlink(self._space, member, identity))


# ---- the calls, the same for both clients ----


def whoami() -> Call[WhoAmI]:
    def read(body: Any) -> WhoAmI:
        return shaped(WhoAmI, body, "answer")

    return Call("GET", "/v1/auth/whoami", read, repeatable=True)


def _list(space: str, kind: MemberKind | None) -> Call[Page[Member]]:
    return listing(f"{space}/members", "members", Member, values.query(kind=kind))


def _get(space: str, member: str) -> Call[Member]:
    return Call("GET", _path(space, member), _read, repeatable=True)


def _put(
    space: str,
    member: str,
    role: Role | None,
    display_name: str | None,
    suspended: bool | None,
) -> Call[Member]:
    change = values.sent(role=role, displayName=display_name, suspended=suspended)
    return Call("PUT", _path(space, member), _read, body={"member": change}, repeatable=True)


def _delete(space: str, member: str) -> Call[None]:
    return Call("DELETE", _path(space, member), _nothing)


def _identities(space: str, member: str) -> Call[Page[Identity]]:
    return listing(f"{_path(space, member)}/identities", "identities", Identity, {})


def _link(space: str, member: str, identity: str) -> Call[Identity]:
    def read(body: Any) -> Identity:
        return shaped(Identity, body, "identity")

    return Call("POST", f"{_path(space, member)}/identities", read, body={"identity": identity})


def _unlink(space: str, member: str, identity: str) -> Call[None]:
    path = f"{_path(space, member)}/identities/{values.segment(identity)}"
    return Call("DELETE", path, _nothing)


def _path(space: str, member: str) -> str:
    return f"{space}/members/{values.segment(member)}"


def _read(body: Any) -> Member:
    return shaped(Member, body, "member")


def _nothing(_: Any) -> None:
    return None
