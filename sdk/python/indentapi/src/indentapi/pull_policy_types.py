"""The shapes of pull policies and of what comes of their pulls."""

import sys
from typing import TypedDict

from .types import Given, Meta, Resource
from .webhook_policy_types import PolicyBase

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:
    from typing_extensions import NotRequired

__all__ = ["PullOutcome", "PullPolicy", "PullResult", "PullStatus"]


class PullResult(TypedDict):
    """What came of a pull."""

    id: NotRequired[str]
    state: Given
    """`done`, `failed`, `refused`, `notSent` or `running`."""
    problem: NotRequired[str]
    """What is wrong, and what to do."""
    partial: NotRequired[bool]
    """Some of the kinds only, or with flags of somebody's own."""
    beginTime: NotRequired[str]
    endTime: NotRequired[str]
    listed: int
    """By the endpoint."""
    taken: int
    """Of these, by what the policy says."""
    created: int
    changed: int
    gone: int
    """Marked as out of use."""
    conflicts: int
    """Left alone, as the policy did not bring them."""
    examples: NotRequired[list[str]]
    """Of the conflicts."""
    dropped: NotRequired[list[str]]
    """Some of what the policy does not take, such as `the label team`."""
    pages: int
    bytes: int


class PullOutcome(PullResult):
    """What came of a pull of one policy."""

    policy: Given
    nextTime: NotRequired[str]
    """By its schedule."""


class PullStatus(TypedDict):
    """How the pulls of a policy stand."""

    state: str
    """`new`, `working`, `failing` or `running`."""
    problem: NotRequired[str]
    failures: int
    """Whole pulls in a row."""
    failingSince: NotRequired[str]
    nextTime: NotRequired[str]
    last: NotRequired[PullResult]
    """The last pull that ended."""
    good: NotRequired[PullResult]
    """The last whole one that worked."""


class PullPolicy(TypedDict):
    """What a webhook lists for the directory, when, and how far it is believed."""

    name: Given
    spaceName: str
    displayName: str
    base: PolicyBase
    """Which of the listed resources are taken."""
    webhook: Given
    """The name of the webhook."""
    kinds: list[str]
    flags: dict[str, str]
    schedule: str
    """Five fields of cron; empty where it is pulled only when somebody asks."""
    labels: dict[str, str]
    """Of every resource that the policy brings."""
    takeLabels: list[str]
    takeIdentities: bool
    status: PullStatus
    meta: Meta
    createdBy: Resource
