"""What each long-lived process of the portal does first: keep what it writes and what it knows to itself."""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_DUMPABLE = 4


def protect() -> None:
    """Let nobody else read the files that this process writes, nor its memory and environment.

    The owner's other processes are kept out as well, among them a function in the sandbox: a process that is
    not dumpable has /proc/PID/environ and its like only for root, and can't be traced (Linux alone).
    https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html
    """
    os.umask(0o077)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
