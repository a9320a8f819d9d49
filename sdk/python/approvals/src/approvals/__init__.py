"""The code stops, the right person decides, the code goes on.

>>> import asyncio
>>> from approvals import approval
>>> async def main():
...     granted = await approval(
...         reason="to recover account",
...         resources=[{"kind": "action", "id": "reset-password:123"}],
...     )
...     return granted.space
>>> asyncio.run(main())
'acmecorp'
"""

from ._approval import approval, approval_sync, resume, resume_sync
from ._asked import ApprovalRequest, Resource
from ._decorator import requires_approval
from ._granted import Approval
from ._notice import ApprovalEvent
from ._version import __version__
from .errors import (
    ApprovalDenied,
    ApprovalError,
    ApprovalExpired,
    ApprovalMismatch,
    ApprovalRevoked,
    ApprovalTimeout,
    ApprovalUnavailable,
    ApprovalWithdrawn,
)

__all__ = [
    "Approval",
    "ApprovalDenied",
    "ApprovalError",
    "ApprovalEvent",
    "ApprovalExpired",
    "ApprovalMismatch",
    "ApprovalRequest",
    "ApprovalRevoked",
    "ApprovalTimeout",
    "ApprovalUnavailable",
    "ApprovalWithdrawn",
    "Resource",
    "__version__",
    "approval",
    "approval_sync",
    "requires_approval",
    "resume",
    "resume_sync",
]
