"""Why `approval` did not return. Nothing but a granted petition returns.

    ApprovalError
    ├── ApprovalDenied           a reviewer, or a rule, said no: .reviewer .reason
    │   └── ApprovalRevoked      it was granted, and has been taken away again
    ├── ApprovalTimeout          not decided within `timeout`; the petition stays open: resume(name)
    ├── ApprovalExpired          nobody decided in time, or the grant's time is already up
    ├── ApprovalWithdrawn        who asked has taken it back
    ├── ApprovalMismatch         what came back is not what was asked
    └── ApprovalUnavailable      no server, no configuration, or the server refused the call

Each has `.petition`, the petition as it was last seen, or None when there is none. A mistake in the
call itself, such as a missing reason, is a `TypeError` or `ValueError`.
"""

from __future__ import annotations

from typing import Any

from indentapi.types import Petition


class ApprovalError(Exception):
    """There is no approval: the code that needs one must not go on."""

    def __init__(self, message: str, petition: Petition | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.petition = petition

    def __reduce__(self) -> tuple[Any, ...]:
        # the default would call the class with the message alone, and lose the rest on the way
        return _restored, (type(self), self.args, self.__dict__.copy())


class ApprovalDenied(ApprovalError):
    """A reviewer, or a rule, said no. The petition is closed for good."""

    def __init__(
        self, message: str, petition: Petition | None = None, reviewer: str = "", reason: str = ""
    ) -> None:
        super().__init__(message, petition)
        self.reviewer = reviewer
        """The address or id of who said no; empty when a rule did."""
        self.reason = reason
        """Why, in the reviewer's words; may be empty."""


class ApprovalRevoked(ApprovalDenied):
    """It was granted, and has been taken away again."""


class ApprovalTimeout(ApprovalError):
    """Nobody has decided yet, and the petition stays open: `resume(name)` waits on."""


class ApprovalExpired(ApprovalError):
    """Nobody decided in time and the petition is closed, or the grant's time is already up."""


class ApprovalWithdrawn(ApprovalError):
    """Who asked has taken the petition back."""


class ApprovalMismatch(ApprovalError):
    """What came back, or what is about to run, is not what was asked."""


class ApprovalUnavailable(ApprovalError):
    """It could not be asked, or the answer could not be had; `__cause__` is the client's error."""


def _restored(
    cls: type[ApprovalError], args: tuple[Any, ...], state: dict[str, Any]
) -> ApprovalError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error
