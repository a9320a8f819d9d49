"""The objects of `indent.policy`, as typed dicts; see `types.py` for how they are read."""

import sys
from typing import Any, TypedDict

from .types import Given, Meta, Outcome, Petition, Resource, Verdict

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:
    from typing_extensions import NotRequired

__all__ = [
    "ConditionPart",
    "Finding",
    "PolicyChange",
    "PolicyCheck",
    "PolicyDiff",
    "PolicyDocument",
    "PolicyFinding",
    "PolicyFlip",
    "PolicyProposal",
    "PolicyReplay",
    "PolicyReport",
    "PolicySimulation",
    "PolicyTest",
    "PolicyVersion",
    "ReviewerLoad",
    "RuleReplay",
    "RuleTried",
    "Stuck",
    "StuckExample",
    "StuckFinding",
    "StuckPetition",
]


class PolicyVersion(TypedDict):
    """One version of the rule document, without its text."""

    version: int
    digest: str
    """`"sha256:"` and 64 hex digits over the text."""
    reason: str
    petition: str
    """The petition that the change was granted by; empty when it needed none."""
    createdBy: Resource
    meta: Meta


class PolicyDocument(PolicyVersion):
    """One version of the rule document."""

    text: str
    """YAML or JSON, as it was written."""


class Finding(TypedDict):
    """One thing that is found in a rule document. Line and column count from 1."""

    line: NotRequired[int]
    column: NotRequired[int]
    rule: NotRequired[str]
    test: NotRequired[str]
    message: str


class PolicyChange(TypedDict):
    """What came of a change of the policy."""

    applied: bool
    unchanged: bool
    policy: PolicyVersion
    """The version that holds now."""
    petition: NotRequired[Petition]
    """What has to be granted before the change is made; absent when nothing has."""
    warnings: list[Finding]


PolicyDiff = TypedDict("PolicyDiff", {"from": int, "to": int, "diff": str})
"""A unified diff of two versions; empty when their texts are the same."""


class PolicyProposal(TypedDict):
    """The text that a petition for another policy asks for."""

    petition: Given
    baseVersion: int
    digest: str
    text: str
    diff: str


class PolicyTest(TypedDict):
    """What came of one test of a document."""

    name: str
    line: int
    passed: bool
    failures: list[str]


class PolicyReport(TypedDict):
    """What is found out about a document that was not taken."""

    valid: bool
    problems: list[Finding]
    name: str
    rules: int
    tests: list[PolicyTest]
    warnings: list[Finding]
    changesByPetition: bool
    """Once it holds, a change of it is a petition."""


class StuckExample(TypedDict):
    """A petition that nobody could grant: who asks for what, when, and who could decide."""

    who: str
    what: Resource
    when: str
    stage: int
    needs: int
    eligible: list[str]


class PolicyFinding(TypedDict):
    """One thing that a check found."""

    kind: str
    """stuck, unreached, contradicts, redundant, nobody or incomplete."""
    rule: str
    line: int
    column: int
    message: str
    example: NotRequired[StuckExample]


class PolicyCheck(TypedDict):
    """What would go wrong with a document in the space."""

    stuck: bool
    findings: list[PolicyFinding]
    members: int
    resources: int
    partial: bool


class StuckFinding(TypedDict):
    """A kind of petition that nobody, or too few, could approve."""

    rule: str
    message: str
    example: NotRequired[StuckExample]
    since: str
    """When it was found first."""


class StuckPetition(TypedDict):
    """A petition that waits and that too few people may approve."""

    name: str
    message: str


class Stuck(TypedDict):
    """What nobody could approve as things stand."""

    policyVersion: int
    """Of the document that the findings are about; 0 when nothing was ever found."""
    findings: list[StuckFinding]
    updateTime: NotRequired[str]
    petitions: list[StuckPetition]
    more: bool
    """More petitions are stuck than these."""


class PolicyFlip(TypedDict):
    """A petition of the past that would get another answer."""

    petition: Given
    createTime: str
    title: str
    createdBy: str
    how: str
    ruleBefore: str
    ruleAfter: str
    outcome: NotRequired[Outcome]
    regranted: bool


class RuleReplay(TypedDict):
    """How many petitions a rule answered and would answer."""

    rule: str
    before: int
    after: int
    decided: int
    medianWait: str


class ReviewerLoad(TypedDict):
    """How many petitions a person could have been asked about, and would be."""

    person: str
    before: int
    after: int


class PolicyReplay(TypedDict):
    """What a document would have said to the petitions of the past."""

    since: str
    until: str
    baseVersion: int
    petitions: int
    more: bool
    gone: int
    same: int
    flipped: dict[str, int]
    regranted: int
    flips: list[PolicyFlip]
    rules: list[RuleReplay]
    load: list[ReviewerLoad]
    weighed: int


class ConditionPart(TypedDict):
    """A part of a condition, as it is written, and its value."""

    text: str
    value: str
    parts: NotRequired[list[Any]]
    """Again such parts."""


class RuleTried(TypedDict):
    """What became of one rule."""

    rule: str
    line: int
    column: int
    answer: str
    matched: bool
    why: str
    error: str
    condition: NotRequired[ConditionPart]


class PolicySimulation(TypedDict):
    """What policy would answer, and how it comes to that."""

    policyVersion: int
    """0 when a text of your own was tried."""
    answer: str
    """approve, deny, review or breakGlass, which approves as well."""
    verdict: Verdict
    petitioners: list[Resource]
    rules: list[RuleTried]
    warning: str
    """Why too few people may grant it as things are; absent when enough may."""
    truncated: bool
