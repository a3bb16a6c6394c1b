"""Protects a long-lived process: others cannot read its files, memory and environment.

The portal's processes do the same (portal/process.py). The sandbox is installed without them.
"""

import ctypes
import os
import sys
from typing import Final

PR_SET_DUMPABLE: Final = 4


def protect() -> None:
    """Make this process's written files, memory and environment unreadable for the functions that it runs.

    /proc/PID/environ and similar files of a process that is not dumpable are only readable for root, and it
    cannot be traced (Linux only). https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html
    """
    os.umask(0o077)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
