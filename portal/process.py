"""Protect a long-lived process: its files, memory and environment are not readable for others."""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_DUMPABLE = 4


def protect() -> None:
    """Make the files that this process writes, its memory and its environment unreadable for others.

    This includes the owner's other processes, such as functions in the sandbox: /proc/PID/environ and similar
    files of a process that is not dumpable are only readable for root, and it cannot be traced (Linux only).
    https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html
    """
    os.umask(0o077)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
