"""What this package raises. Everything is an `IndentError`.

    IndentError
    ├── ConfigurationError            space, token or address missing or unusable; nothing was sent
    └── APIError
        ├── APIConnectionError        the server could not be reached, or the connection broke
        │   └── APITimeoutError       it did not answer in time
        ├── APIResponseError          it answered something that is no Indent answer
        └── APIStatusError            it refused: .status .code .field .message
            ├── BadRequestError           400  code "invalid"; .field names the field
            ├── AuthenticationError       401  "unauthenticated"
            ├── PermissionDeniedError     403  "forbidden"
            ├── NotFoundError             404  "not_found"
            ├── RequestTimeoutError       408
            ├── ConflictError             409  "conflict"; the message says who decided what, when
            ├── GoneError                 410  "expired"
            ├── RequestTooLargeError      413  "invalid"
            ├── UnprocessableEntityError  422
            ├── RateLimitError            429  "too_many"; .retry_after in seconds
            └── InternalServerError       5xx  "internal"
                └── ServiceUnavailableError   503  "unavailable"; .retry_after in seconds

No message, repr or attribute of an error contains a token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class IndentError(Exception):
    """Anything that this package raises. `.message` is what went wrong and what to do next."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        # the default would call the class with the message alone, and lose the rest on the way
        return _restored, (type(self), self.args, self.__dict__.copy())


class ConfigurationError(IndentError):
    """The space, the token or the server's address is missing or cannot be used."""


class APIError(IndentError):
    """The call did not succeed."""

    @property
    def temporary(self) -> bool:
        """Whether it is worth waiting for what failed to come back."""
        return False


class APIConnectionError(APIError):
    """The server could not be reached, or the connection broke before the answer was whole.

    `.sent` is False when the server surely has not seen the request.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent

    @property
    def temporary(self) -> bool:
        return True


class APITimeoutError(APIConnectionError):
    """The server did not answer in time."""


class APIResponseError(APIError):
    """The server answered something that is not an answer of the Indent API."""


class APIStatusError(APIError):
    """The server refused the call."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        field: str = "",
        retry_after: float | None = None,
        findings: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status."""
        self.code = code
        """The API's word for it, such as `"invalid"`; empty when something else answered."""
        self.field = field
        """The JSON path of the input at fault, such as `"petition.resources[2].id"`, or empty."""
        self.retry_after = retry_after
        """Seconds after which the server wants to be asked again, when it said so."""
        self.findings = [dict(f) for f in findings]
        """All that is wrong with a rule document: `message`, and where known `line`, `column`,
        `rule` and `test`."""

    @property
    def temporary(self) -> bool:
        return self.status in (408, 429) or self.status >= 500

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field and not self.message.startswith(self.field) else ""
        return f"{where}{self.message} ({self.status}{' ' + self.code if self.code else ''})"


class BadRequestError(APIStatusError):
    """400 or 428: `.field` is not as it must be, or is missing."""


class AuthenticationError(APIStatusError):
    """401: the token is missing, wrong, expired or revoked."""


class PermissionDeniedError(APIStatusError):
    """403: the token is good and may not do this."""


class NotFoundError(APIStatusError):
    """404: it is not there, or not for this token to see."""


class RequestTimeoutError(APIStatusError):
    """408: the server did not get the whole request in time."""


class ConflictError(APIStatusError):
    """409: it has already been decided, or the idempotency key was used for something else.

    Also 412: another version of what is changed holds by now.
    """


class GoneError(APIStatusError):
    """410: its time is up."""


class RequestTooLargeError(APIStatusError):
    """413: the body is over the limit (1 MiB)."""


class UnprocessableEntityError(APIStatusError):
    """422: well-formed, and still not acceptable."""


class RateLimitError(APIStatusError):
    """429: too many calls; `.retry_after` says when to come back."""


class InternalServerError(APIStatusError):
    """5xx: the server failed."""


class ServiceUnavailableError(InternalServerError):
    """503: the server cannot work at the moment and has changed nothing."""


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: RequestTimeoutError,
    409: ConflictError,
    412: ConflictError,
    410: GoneError,
    413: RequestTooLargeError,
    422: UnprocessableEntityError,
    428: BadRequestError,
    429: RateLimitError,
    503: ServiceUnavailableError,
}


def class_for(status: int) -> type[APIStatusError]:
    """The class of error that a status is raised as."""
    return _BY_STATUS.get(status, InternalServerError if status >= 500 else APIStatusError)


def _restored(cls: type[IndentError], args: tuple[Any, ...], state: dict[str, Any]) -> IndentError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error
