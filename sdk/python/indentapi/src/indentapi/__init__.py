"""Client of the Indent API. Start at `IndentAPI` or `AsyncIndentAPI`; errors are in `errors`.

>>> from indentapi import IndentAPI
>>> indent = IndentAPI()
>>> pet = indent.petition.create(reason="to debug", resources=[{"kind": "action", "id": "debug"}])
>>> pet["state"]["status"]["phase"]
'open'
"""

from ._pages import AsyncPages, Page, Pages
from ._version import __version__
from .claim import confirmation_of
from .client import AsyncIndentAPI, IndentAPI
from .delivery_types import Delivery
from .errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    GoneError,
    IndentError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    RequestTooLargeError,
    ServiceUnavailableError,
    UnprocessableEntityError,
)
from .event import AsyncEventStream, EventStream
from .pull_policy_types import PullOutcome, PullPolicy
from .types import (
    Application,
    Confirmation,
    ConfirmationInput,
    Delegation,
    Event,
    HeldGrant,
    Identity,
    Member,
    Petition,
    Resource,
    ResourceInput,
    ResourceLike,
    RevokedGrant,
    ServiceAccount,
    Space,
    Token,
    Trust,
    WhoAmI,
)
from .webhook_policy_types import WebhookPolicy

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "Application",
    "AsyncEventStream",
    "AsyncIndentAPI",
    "AsyncPages",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "Confirmation",
    "ConfirmationInput",
    "ConflictError",
    "Delegation",
    "Delivery",
    "Event",
    "EventStream",
    "GoneError",
    "HeldGrant",
    "Identity",
    "IndentAPI",
    "IndentError",
    "InternalServerError",
    "Member",
    "NotFoundError",
    "Page",
    "Pages",
    "PermissionDeniedError",
    "Petition",
    "PullOutcome",
    "PullPolicy",
    "RateLimitError",
    "RequestTimeoutError",
    "RequestTooLargeError",
    "Resource",
    "ResourceInput",
    "ResourceLike",
    "RevokedGrant",
    "ServiceAccount",
    "ServiceUnavailableError",
    "Space",
    "Token",
    "Trust",
    "UnprocessableEntityError",
    "WebhookPolicy",
    "WhoAmI",
    "__version__",
    "confirmation_of",
]
