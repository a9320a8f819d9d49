"""The objects of the API, as typed dicts: what `pet["state"]["status"]["phase"]` may be.

A key without `NotRequired` is always there: what the server leaves out because it is empty is put
back as `""`, `0`, `False`, `[]` or `{}`. Keys that a newer server adds are kept as they come.
Times are RFC 3339 in UTC, such as `"2026-01-31T12:00:00Z"`.
"""

import sys
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, TypedDict

if sys.version_info >= (3, 11):
    from typing import NotRequired, Required
else:
    from typing_extensions import NotRequired, Required

__all__ = [
    "Application",
    "BreakGlass",
    "ClaimEvent",
    "Confirmation",
    "ConfirmationInput",
    "Decision",
    "Delegation",
    "Escalation",
    "Event",
    "Given",
    "Grant",
    "HeldGrant",
    "Identity",
    "Input",
    "Member",
    "MemberKind",
    "Meta",
    "Petition",
    "PetitionState",
    "PetitionStatus",
    "Phase",
    "Progress",
    "Requirement",
    "Resource",
    "ResourceInput",
    "ResourceLike",
    "Review",
    "Reviewers",
    "RevokedGrant",
    "Role",
    "ServiceAccount",
    "Space",
    "Token",
    "Trust",
    "Verdict",
    "View",
    "WhoAmI",
]

Given: TypeAlias = Annotated[str, "never empty"]
"""Text that an answer cannot do without; an answer that lacks it is refused as malformed."""

Phase: TypeAlias = Literal["open", "granted", "revoked", "closed"]
Outcome: TypeAlias = Literal["denied", "withdrawn", "expired", "revoked", "ended"]
ClaimEvent: TypeAlias = Literal["access/approve", "access/deny", "access/revoke"]
View: TypeAlias = Literal["requestable", "requestable:modal", "recipients", "people", "email"]
Role: TypeAlias = Literal["Viewer", "Auditor", "Petition Admin", "Editor", "Owner"]
MemberKind: TypeAlias = Literal["user", "serviceAccount"]


class Resource(TypedDict):
    """Anything that can act or be acted on: a person, a bot, a group, a database, an action.

    Its name in paths is the label `indent.com/block`.
    """

    id: str
    kind: str
    displayName: str
    email: str
    altIds: list[str]
    labels: dict[str, str]


class ResourceInput(TypedDict, total=False):
    """A resource as one sends it.

    `id` at most 1,024 characters, `displayName` 500, `email` 320, 32 `altIds`, 64 `labels`.
    """

    id: Required[str]
    kind: str
    displayName: str
    email: str
    altIds: list[str]
    labels: dict[str, str]


ResourceLike: TypeAlias = Resource | ResourceInput | Mapping[str, Any]
"""What is taken where a resource is sent: one that the server answered, or a dict of your own."""


class Meta(TypedDict):
    name: str
    space: str
    displayName: str
    labels: dict[str, str]
    createTime: NotRequired[str]
    updateTime: NotRequired[str]
    deleteTime: NotRequired[str]
    expireTime: NotRequired[str]
    """When the petition expires if nobody has decided, or the token ends."""
    startTime: NotRequired[str]
    endTime: NotRequired[str]


class Event(TypedDict):
    """An entry of the audit log; a claim is one too."""

    event: Given
    id: str
    timestamp: str
    meta: Meta
    """`meta["labels"]["petition"]` is the name of the petition that the event belongs to."""
    actor: Resource
    resources: list[Resource]
    reason: str
    externalId: str
    sessionId: str


class ConfirmationInput(TypedDict):
    """What a passkey has signed (WebAuthn), each part as base64url without padding.

    The challenge is the 32 bytes of the petition's digest.
    """

    credentialId: str
    clientDataJSON: str
    authenticatorData: str
    signature: str


class Confirmation(TypedDict):
    """What confirms a claim: whoever has it can check it again, without the server.

    `indent claim verify` does. Each part but the digest is base64url without padding.
    """

    credentialId: Given
    publicKey: Given
    """Of the passkey that has signed, as a COSE key."""
    clientDataJSON: Given
    authenticatorData: Given
    signature: Given
    digest: str
    """What was confirmed: the petition's digest."""


class Application(TypedDict):
    """What a webhook was told of one person and one resource of a petition."""

    webhook: Given
    person: Resource
    resource: Resource
    state: str
    """`pending` (granted, not yet applied), `applied`, `kept` (so by another petition), `failed`
    (for good), `ending` (over, access is not yet taken away) or `ended`."""
    attempts: int
    problem: NotRequired[str]
    nextTime: NotRequired[str]
    endTime: NotRequired[str]
    """The end of access that the webhook was told."""
    endingSince: NotRequired[str]
    keptBy: NotRequired[str]
    """The petition that goes on with the access."""
    dryRun: NotRequired[bool]
    confirmTime: NotRequired[str]
    """When the webhook said, asked by `GetState`, that the access is gone."""
    drift: NotRequired[str]
    """Said twice, since driftSince: `access` (nothing gives it) or `noAccess` (it is granted)."""
    driftSince: NotRequired[str]
    updateTime: str


class PetitionStatus(TypedDict):
    phase: Annotated[Phase, "never empty"]
    outcome: NotRequired[Outcome]
    """Why it is closed; absent otherwise."""
    message: str
    """One sentence for people."""
    webhooks: NotRequired[list[Application]]
    """What webhooks were told of it; only where one petition is asked for and they apply it."""


class Reviewers(TypedDict):
    """Everybody of whom one of the terms holds."""

    roles: list[str]
    persons: list[str]
    groups: NotRequired[list[str]]
    """Ids of groups in the directory."""
    managers: NotRequired[str]
    """The label of the petitioners' entries that names the manager."""
    owners: NotRequired[str]
    """The label of the resources' entries that names the owners."""
    onCall: NotRequired[list[str]]
    where: NotRequired[str]


class Escalation(TypedDict):
    """Reviewers that come once `after`, such as `3600s`, has passed since the stage began."""

    after: str
    reviewers: Reviewers


class Requirement(TypedDict):
    """What policy demands before the petition is granted: `count` approvals by these reviewers."""

    stage: NotRequired[int]
    """0, the first, when absent."""
    resource: NotRequired[int]
    reviewers: Reviewers
    count: int
    selfApproval: bool
    confirm: NotRequired[str]
    distinctFrom: NotRequired[list[int]]
    """Earlier stages: whoever approved there does not count here."""
    notify: NotRequired[Reviewers]
    remindAfter: NotRequired[str]
    escalate: NotRequired[list[Escalation]]


class Input(TypedDict):
    """A label of the petition that the rule asks for."""

    label: str
    description: NotRequired[str]
    type: str
    optional: NotRequired[bool]
    choices: NotRequired[list[str]]
    min: NotRequired[int | float]
    max: NotRequired[int | float]
    maxLength: NotRequired[int]


class BreakGlass(TypedDict):
    """The review that must follow the grant of an emergency, within its time."""

    requirements: list[Requirement]
    within: str


class Verdict(TypedDict):
    """What policy answered when the petition was made; it does not change afterwards."""

    decision: str
    rule: str
    policyVersion: int
    explanation: str
    dev: bool
    requirements: list[Requirement]
    denials: NotRequired[int]
    inputs: NotRequired[list[Input]]
    breakGlass: NotRequired[BreakGlass]


class Progress(TypedDict):
    """The stage that decides now."""

    stage: int
    since: str
    levels: NotRequired[list[int]]
    reminded: NotRequired[list[int]]
    lapsed: NotRequired[list[str]]


class Review(TypedDict):
    """What follows a grant that broke the glass; without `outcome` it waits."""

    expireTime: str
    outcome: NotRequired[str]


class Decision(TypedDict):
    """The claim that decided."""

    claim: str
    actor: Resource
    reason: str
    timestamp: str
    onBehalfOf: NotRequired[str]
    """Who was away, where a deputy has decided for them."""


class Grant(TypedDict):
    """The time-bound permission that a granted petition gives."""

    startTime: Given
    endTime: NotRequired[str]
    """Absent when the grant has no end."""
    warned: NotRequired[bool]
    """The log has told that it ends soon."""
    pending: NotRequired[bool]
    """It has not begun."""


class HeldGrant(TypedDict):
    """One person's permission to use one resource."""

    person: Resource
    resource: Resource
    startTime: Given
    endTime: NotRequired[str]
    """Absent when it ends when it is revoked."""
    accessEndTime: NotRequired[str]
    """When the last of the pair's grants ends that follow this one; absent: never by itself."""
    petition: Given
    """Name of the petition that gave it; phase is that of it, now."""
    phase: Phase
    reason: str
    rule: str
    decision: NotRequired[Decision]
    webhooks: NotRequired[list[Application]]  # what is pending or failed is granted, and not given


class RevokedGrant(TypedDict):
    """A petition that was revoked as a whole, or would be."""

    petition: Given
    petitioners: list[Resource]
    resources: list[Resource]
    endTime: NotRequired[str]
    refused: str
    """Why it was not revoked, or would not be, else empty."""
    failed: NotRequired[bool]
    """It could not be revoked now, for what `refused` says: the same call again may."""


class Deputy(TypedDict):
    """Somebody who may approve a petition now for somebody who is away."""

    member: Resource
    away: Resource
    endTime: str
    """When the delegation is over."""
    requirements: list[int]
    """The places of the requirements that an approval counts for."""


class PetitionState(TypedDict):
    status: PetitionStatus
    verdict: NotRequired[Verdict]
    decision: NotRequired[Decision]
    """Absent while the petition is open, and when time or a rule decided."""
    grant: NotRequired[Grant]
    progress: NotRequired[Progress]
    review: NotRequired[Review]
    claims: list[Event]
    eventHistory: list[Event]
    deputies: NotRequired[list[Deputy]]
    """Only in the answer of `petition.get`, and absent where there are none."""
    messages: list[dict[str, Any]]


class Petition(TypedDict):
    """A request that `petitioners` be allowed `resources` for a `reason`."""

    name: Given
    spaceName: Given
    meta: Meta
    petitioners: list[Resource]
    resources: list[Resource]
    reason: str
    defaultDuration: str
    """How long was asked for, such as `"3600s"`."""
    startTime: NotRequired[str]
    """When the grant was asked to begin; absent when at once."""
    params: NotRequired[dict[str, Any]]
    """What the action will be done with; absent when none were sent."""
    digest: str
    """`"sha256:"` and 64 hex digits over all that was asked; a claim may name it."""
    createdBy: Resource
    state: PetitionState


class Space(TypedDict):
    name: Given
    parent: str
    displayName: str


class ServiceAccount(TypedDict):
    """A non-human member with long-lived tokens."""

    serviceAccountId: Given
    role: str
    suspended: bool
    """It stands for nobody, and its tokens have ended."""
    owner: Resource
    """The person whom it belongs to: it may never do more than that person."""
    meta: Meta
    createdBy: Resource


class Member(TypedDict):
    """Somebody who may act in a space: a person by address, or a service account by id."""

    id: Given
    kind: str
    """`"user"` or `"serviceAccount"`."""
    email: str
    displayName: str
    role: str
    suspended: bool
    """Gets in nowhere and counts nowhere."""
    owner: str
    """The address of the person whom a service account belongs to."""
    meta: Meta
    createdBy: Resource


class Identity(TypedDict):
    """Another name of a person: an address, or an account elsewhere such as `slack:T01/U02`."""

    identity: Given
    member: str
    meta: Meta
    createdBy: Resource


# `from` is a word of Python: the one field that a class cannot name.
_DelegationFrom = TypedDict("_DelegationFrom", {"from": Given})


class Delegation(_DelegationFrom):
    """Lets a deputy decide, for a time, what somebody who is away (`from`) may decide."""

    to: Given
    """The address of the deputy."""
    startTime: str
    endTime: str
    state: str
    """`coming`, `active`, `over` (its time was up) or `ended` (by somebody, before)."""
    reason: NotRequired[str]
    endedTime: NotRequired[str]
    endedBy: NotRequired[str]
    lastUsedTime: NotRequired[str]
    """When the deputy last decided by it."""
    meta: Meta
    createdBy: Resource


class Trust(TypedDict):
    """Lets the tokens of an issuer elsewhere stand for a service account."""

    issuer: Given
    audience: str
    claims: dict[str, str]
    """Exact texts, or the beginning of one with a star behind it."""
    scope: str
    serviceAccountId: str
    meta: Meta
    createdBy: Resource


class WhoAmI(TypedDict):
    """Whom a token stands for, and what it may do."""

    space: Given
    member: Given
    """The address of a person, the id of a service account."""
    kind: str
    displayName: str
    role: str
    scope: str
    """What bounds the token; `""`: nothing but the role."""
    permissions: list[str]
    """What both the role and the scope allow."""
    operator: bool
    """Operates the server, and so makes spaces."""
    token: str
    """The name that `indent.token.delete` takes."""
    expireTime: NotRequired[str]
    """When the token ends by itself; absent: it does not."""


class Token(TypedDict):
    """A token. Only the answer that made it carries the secret; a list never does."""

    accessToken: NotRequired[str]
    """A short-lived user token (JWT)."""
    refreshToken: NotRequired[str]
    """A long-lived service token (`ind_…`), answered once."""
    scope: str
    serviceAccountId: str
    lastUseTime: NotRequired[str]
    """Absent: it was never used."""
    ended: bool
    """It was revoked, or its time is up."""
    meta: Meta
    createdBy: Resource
