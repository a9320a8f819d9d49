"""What one sees while code waits: lines on the terminal, or events for output of one's own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from indentapi.types import Petition
from indentapi.values import printable

Kind: TypeAlias = Literal[
    "requested",
    "message",
    "resumed",
    "waiting",
    "granted",
    "denied",
    "expired",
    "withdrawn",
    "timeout",
]


@dataclass(frozen=True)
class ApprovalEvent:
    """Something that happened to an approval that is being waited for."""

    kind: Kind
    message: str
    """The line that the terminal would show."""
    petition: Petition
    """The petition as it was last seen."""
    elapsed: float
    """Seconds since it was asked for."""


OnEvent: TypeAlias = Callable[[ApprovalEvent], object]


def on_terminal(event: ApprovalEvent) -> None:
    """Write the event's line to standard error.

    Not to standard output: that belongs to the program, and may be piped into another one. Nothing
    that goes wrong here touches the approval.
    """
    stream = sys.stderr
    try:
        stream.write(_writable(event.message, stream.encoding or "ascii") + "\n")
        stream.flush()
    except (AttributeError, OSError, ValueError):
        pass  # there is no terminal, or it is gone


def nowhere(_: ApprovalEvent) -> None:
    """Show nothing."""


_PLAIN = str.maketrans({"⏵": ">", "↳": "-", "✅": "[OK]", "❌": "[NO]", "⌛": "[..]", "⚠": "!"})


def _writable(text: str, encoding: str) -> str:
    """`text` as a terminal of this encoding can show it."""
    text = printable(text)
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return text.translate(_PLAIN).encode("ascii", "backslashreplace").decode()
    return text
