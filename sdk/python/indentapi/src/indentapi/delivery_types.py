"""What the server answers about calls to webhooks."""

from __future__ import annotations

import sys
from typing import TypedDict

from .types import Given

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:
    from typing_extensions import NotRequired


class DeliveryAttempt(TypedDict):
    """What was sent and answered, without secrets and cut to 16 KiB each."""

    id: str
    """The `webhook-id`."""
    time: str
    milliseconds: int
    method: str
    url: str
    headers: dict[str, str]
    body: str
    status: int
    """0 when there was no answer."""
    answerHeaders: NotRequired[dict[str, str]]
    answer: str


class Delivery(TypedDict):
    """One attempt of a call to a webhook."""

    name: Given
    webhook: str
    petition: NotRequired[str]
    time: str
    kind: str
    """`ApplyUpdate`, `GetDecision`, `PullUpdate` or `GetState`."""
    command: NotRequired[str]
    """`access/grant` or `access/revoke`, of `ApplyUpdate`."""
    attempts: NotRequired[int]
    outcome: str
    """`ok`, `refused`, `again`, `gone` (410) or `notSent` (a dry run)."""
    code: int
    """Of google.rpc; 0 is OK, and where there was no answer."""
    problem: NotRequired[str]
    milliseconds: NotRequired[int]
    attempt: NotRequired[DeliveryAttempt]
    """Absent in a list."""
