"""What is asked: taken from a dict, from keywords or from both, and held against what came back."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypedDict, cast

from indentapi import values
from indentapi.types import Petition, ResourceLike

from .errors import ApprovalMismatch

if sys.version_info >= (3, 11):
    from typing import Required
else:
    from typing_extensions import Required

Duration: TypeAlias = values.Duration


class Resource(TypedDict, total=False):
    """What approval is asked for: `Resource(kind="action", id="reset-password:123")`.

    It is a dict: `{"kind": "action", "id": "reset-password:123"}` is the same.

    >>> Resource(kind="action", id="reset-password:123", displayName="Reset Password (user:123)")
    {'kind': 'action', 'id': 'reset-password:123', 'displayName': 'Reset Password (user:123)'}
    """

    kind: Required[str]
    """What sort of thing it is, such as `"action"` or `"database"`. At most 200 characters."""
    id: Required[str]
    """At most 1,024 characters."""
    displayName: str
    """What the reviewer reads. At most 500 characters."""
    email: str
    altIds: list[str]
    labels: dict[str, str]


class ApprovalRequest(TypedDict, total=False):
    """What `approval` takes as a dict. Each field can be a keyword instead."""

    reason: str
    """Why; the reviewer reads it. 1 to 4,000 characters."""
    resources: Iterable[ResourceLike]
    """What approval is asked for, 1 to 100."""
    petitioners: Iterable[ResourceLike]
    """Who shall be allowed it; the owner of the token by default."""
    params: Mapping[str, Any]
    """What the action will be done with: JSON, at most 64 KiB, shown to the reviewer in full."""
    duration: Duration
    """How long it is asked for: seconds, a timedelta or text such as `"1h30m"`."""
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Asked:
    """A request, checked and copied: nobody can change it while it waits for its answer."""

    reason: str | None = None
    resources: list[dict[str, Any]] | None = None
    petitioners: list[dict[str, Any]] | None = None
    params: dict[str, Any] | None = None
    duration: Duration | None = None
    labels: dict[str, str] | None = None

    def check(self, petition: Petition) -> None:
        """Raises `ApprovalMismatch` if the petition is another one; None is not compared."""
        for field, same in (
            ("reason", self.reason in (None, petition["reason"])),
            ("resources", _alike(self.resources, petition["resources"])),
            ("petitioners", _same_people(self.petitioners, petition["petitioners"])),
            ("params", self.params is None or same_json(self.params, petition.get("params"))),
        ):
            if not same:
                raise ApprovalMismatch(
                    f"petition {petition['name']} has other {field} than were asked for: "
                    "whatever was decided, it is not this",
                    petition,
                )

    def check_whole(self, petition: Petition) -> None:
        """As `check`; and the petition must have no params when none were asked for."""
        if self.params is None and "params" in petition:
            raise ApprovalMismatch(
                f"petition {petition['name']} has params, none were sent", petition
            )
        self.check(petition)


def asked(request: Mapping[str, Any] | None, **keywords: Any) -> Asked:
    """The request of a call: each field from the dict or from its keyword."""
    fields = {name: value for name, value in keywords.items() if value is not None}
    for name, value in _renamed(request or {}).items():
        if name not in keywords:
            raise TypeError(
                f"an approval has no field {name!r}; it has {', '.join(keywords)}. "
                "Options such as timeout are keywords beside the dict."
            )
        if name in fields:
            raise TypeError(f"{name} is given twice, in the dict and as a keyword")
        fields[name] = value
    return Asked(
        reason=fields.get("reason"),
        resources=_copied(fields.get("resources"), "resources"),
        petitioners=_copied(fields.get("petitioners"), "petitioners"),
        params=values.json_object(fields.get("params"), "params"),
        duration=fields.get("duration"),
        labels=None if fields.get("labels") is None else dict(fields["labels"]),
    )


def complete(made: Asked) -> Asked:
    """`made`, if it has what a petition cannot be without."""
    words = {"reason": "a reason", "resources": "resources"}
    missing = [word for name, word in words.items() if getattr(made, name) is None]
    if missing:
        raise TypeError(f"an approval needs {' and '.join(missing)}")
    return made


def same_json(a: object, b: object) -> bool:
    """Whether two JSON values are the same. Numbers are equal by value; True is not 1."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        left, right = cast("Mapping[str, object]", a), cast("Mapping[str, object]", b)
        return left.keys() == right.keys() and all(same_json(v, right[k]) for k, v in left.items())
    if isinstance(a, list) and isinstance(b, list):
        these, those = cast("list[object]", a), cast("list[object]", b)
        return len(these) == len(those) and all(map(same_json, these, those))
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def _renamed(request: Mapping[str, Any]) -> dict[str, Any]:
    """The fields under their Python names: a petition as the API has it is taken, too."""
    fields = dict(request)
    if "defaultDuration" in fields:
        fields["duration"] = fields.pop("defaultDuration")
    if "meta" in fields:
        fields["labels"] = cast("Mapping[str, Any]", fields.pop("meta")).get("labels")
    return fields


def _copied(given: Any, at: str) -> list[dict[str, Any]] | None:
    listed = values.resources(given)
    if listed is None:
        return None
    copies = (values.json_object(r, f"{at}[{i}]") for i, r in enumerate(listed))
    return [copy for copy in copies if copy is not None]


def _same_people(
    asked: Sequence[Mapping[str, Any]] | None, got: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether the petitioners are those who were named; the server adds what it knows of them."""
    if asked is None:
        return True
    return len(asked) == len(got) and all(
        _ids(here) & _ids(there) for here, there in zip(asked, got, strict=True)
    )


def _ids(resource: Mapping[str, Any]) -> set[str]:
    return {str(resource[k]).lower() for k in ("id", "email") if resource.get(k)}


def _alike(asked: Sequence[Mapping[str, Any]] | None, got: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every resource that was asked for is there, in its place, as it was described."""
    if asked is None:
        return True
    return len(asked) == len(got) and all(
        same_json(value, there.get(field))
        for here, there in zip(asked, got, strict=True)
        for field, value in here.items()
    )
