"""Ending what was started, with everything that it started itself."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import Any


def end_group(process: subprocess.Popen[Any], seconds: float = 10) -> None:
    """End a process that leads its own session, and all of its group: first asked, then killed.

    Returns when the group is gone.
    """
    for how in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + seconds
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
