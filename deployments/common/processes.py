"""The processes that another one has started."""

from __future__ import annotations

import os
import signal
import subprocess


def with_children(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its group, if it still runs, and wait for its end."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
