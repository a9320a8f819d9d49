"""Ending what was started, with everything that it started itself."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Any

POLITELY = (signal.SIGTERM, signal.SIGKILL)
LIKE_CTRL_C = (signal.SIGINT, *POLITELY)
"""For test runners, which clean up on Ctrl-C and just die of TERM."""


def end_group(process: subprocess.Popen[Any], signals: Sequence[int] = POLITELY) -> None:
    """End a process that leads its own session, with all of its group, and return when it is gone.

    Each signal has ten seconds to do its work before the next one is sent.
    """
    for how in signals:
        deadline = time.monotonic() + 10
        while _signal_group(process, how) and time.monotonic() < deadline:
            how = 0  # asked once; from here on only look whether somebody is left
            time.sleep(0.02)
    process.wait()


def _signal_group(process: subprocess.Popen[Any], how: int) -> bool:
    process.poll()
    try:
        os.killpg(process.pid, how)
    except (ProcessLookupError, PermissionError):
        return False
    return True
