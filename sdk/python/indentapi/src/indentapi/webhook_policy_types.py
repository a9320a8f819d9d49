"""The shapes of webhook policies and of what comes of their tests."""

import sys
from typing import TypedDict

from .types import Given, Meta, Resource

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:
    from typing_extensions import NotRequired

__all__ = [
    "LabelExpression",
    "LabelSelector",
    "PolicyBase",
    "ResourceTrial",
    "WebhookPolicy",
    "WebhookPolicyTrial",
]


class LabelExpression(TypedDict):
    """One term of a selector: `operator` is `In`, `NotIn`, `Exists` or `DoesNotExist`."""

    key: Given
    operator: Given
    values: list[str]


class LabelSelector(TypedDict):
    """A label selector with the fields of Kubernetes: all of it must hold."""

    matchLabels: dict[str, str]
    matchExpressions: list[LabelExpression]


class PolicyBase(TypedDict):
    """Which resources a policy is about; an empty one is about everything."""

    selector: LabelSelector
    conditions: list[str]
    """CEL over `petition`, `resource` and `petitioner`; all must hold."""


class WebhookPolicy(TypedDict):
    """Which calls a webhook gets, and for which resources."""

    name: Given
    spaceName: str
    displayName: str
    labels: dict[str, str]
    base: PolicyBase
    webhook: Given
    """The name of the webhook."""
    calls: list[str]
    """`ApplyUpdate`, `GetDecision`, `GetState`."""
    serviceAccount: NotRequired[str]
    """Whose claims count that the webhook answers to `GetDecision`."""
    decideWithin: NotRequired[str]
    """How long the webhook has to decide, such as `10s`."""
    meta: Meta
    createdBy: Resource


class ResourceTrial(TypedDict):
    """What a webhook policy makes of one resource."""

    resource: Resource
    """As it is asked for."""
    seen: list[Resource]
    """What the directory has of it, with the labels that a selector looks at."""
    matches: bool
    calls: list[str]
    """That would go."""
    problem: NotRequired[str]
    """Why nobody can tell."""


class WebhookPolicyTrial(TypedDict):
    """Which calls a webhook policy would let its webhook have."""

    policy: str
    webhook: str
    resources: list[ResourceTrial]
