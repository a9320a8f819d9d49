"""Why `approval` did not return. Nothing but a granted petition returns.

    ApprovalError
    ├── ApprovalDenied           a reviewer, or a rule, said no: .reviewer .reason
    │   └── ApprovalRevoked      it was granted, and has been taken away again
    ├── ApprovalTimeout          not decided within `timeout`; the petition stays open: resume(name)
    ├── ApprovalExpired          nobody decided in time, or the grant's time is already up
    ├── ApprovalWithdrawn        who asked has taken it back
    ├── ApprovalMismatch         what came back is not what was asked
    └── ApprovalUnavailable      no server, no configuration, or the server refused the call

Each has `.petition`, the petition as it was last seen; of the last two it may be None. A mistake in
the call itself, such as a missing reason, is a `TypeError` or `ValueError`.
"""

from __future__ import annotations

from typing import Any

from indentapi.types import Petition


class ApprovalError(Exception):
    """There is no approval: the code that needs one must not go on."""

    def __init__(self, message: str, petition: Petition | None = None) -> None:
        super().__init__(message)
        self.message = message
        self._petition = petition

    @property
    def petition(self) -> Petition | None:
        """The petition as it was last seen; None when there is none."""
        return self._petition

    def __reduce__(self) -> tuple[Any, ...]:
        # the default would call the class with the message alone, and lose the rest on the way
        return _restored, (type(self), self.args, self.__dict__.copy())


class _OfPetition(ApprovalError):
    """An error that always has its petition."""

    def __init__(self, message: str, petition: Petition) -> None:
        super().__init__(message, petition)

    @property
    def petition(self) -> Petition:
        """The petition as it was last seen."""
        assert self._petition is not None
        return self._petition


class ApprovalDenied(_OfPetition):
    """A reviewer, or a rule, said no. The petition is closed for good."""

    def __init__(
        self, message: str, petition: Petition, reviewer: str = "", reason: str = ""
    ) -> None:
        super().__init__(message, petition)
        self.reviewer = reviewer
        """The address or id of who said no; empty when a rule did."""
        self.reason = reason
        """Why, in the reviewer's words; may be empty."""


class ApprovalRevoked(ApprovalDenied):
    """It was granted, and has been taken away again."""


class ApprovalTimeout(_OfPetition):
    """Nobody has decided yet, and the petition stays open.

    `await resume(error.petition["name"])` waits on, here or in another process.
    """


class ApprovalExpired(_OfPetition):
    """Nobody decided in time and the petition is closed, or the grant's time is already up."""


class ApprovalWithdrawn(_OfPetition):
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
