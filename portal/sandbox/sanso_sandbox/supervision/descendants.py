"""Ends remaining processes below this one, and removes their files."""

import contextlib
import ctypes
import os
import shutil
import signal
import sys
import time
from pathlib import Path

PROCESSES = Path("/proc")
PR_SET_CHILD_SUBREAPER = 36
TRIES = 100  # a tenth of a second apart


def adopt() -> None:
    """Make this process the parent of descendants whose parents end, so that it can find them (Linux only).

    https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end() -> None:
    """Kill all processes below this one. Does nothing without /proc."""
    for pid in _below(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def end_and_remove(folder: Path) -> None:
    """Kill all processes below this one, wait for their end, and remove a folder with their files.

    The first process of a namespace ends after all others in the namespace.
    """
    for _attempt in range(TRIES):
        end()
        shutil.rmtree(folder, ignore_errors=True)
        if _all_ended() and not folder.exists():
            return
        time.sleep(0.1)


def _all_ended() -> bool:
    """Reap ended children; return whether none is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def _below(ancestor: int) -> set[int]:
    parents = {}
    for entry in PROCESSES.iterdir() if PROCESSES.is_dir() else ():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                parents[int(entry.name)] = _parent(entry)
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {ancestor}


def _parent(process: Path) -> int:
    """Return a process's parent: the second field after the command, which may contain parentheses."""
    return int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
