"""End process groups, with SIGTERM and then SIGKILL. As a program, it does so when the supervisor has died.

The supervisor has the other end of this program's standard input and writes a line `+PID` for each process
group that it starts and `-PID` for each that it has ended. End of file means that the supervisor has died;
the groups that are still registered are then ended. This works where Linux's parent-death signal does not: on
other systems, and for the children's children. Only the standard library is imported: the program must start
fast and be small.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path

GRACE = 5.0  # seconds between SIGTERM and SIGKILL
MARK = "SANSO_RUN_MARK"  # environment variable that every process of a run inherits


def end_groups(groups: Collection[int], *, grace: float = GRACE) -> None:
    """Send SIGTERM to the process groups, wait up to `grace` seconds for them, then send SIGKILL."""
    signal_groups(groups, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(map(has_members, groups)) and time.monotonic() < deadline:
        time.sleep(0.02)
    signal_groups(groups, signal.SIGKILL)


def signal_groups(groups: Collection[int], number: signal.Signals) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def has_members(group: int) -> bool:
    """Return whether a process group has a process left (macOS refuses to signal a group of zombies)."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def kill_marked(mark: str) -> None:
    """Kill every process whose mark starts with `mark`, in any group or session (where /proc exists)."""
    for pid in marked(mark):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def marked(mark: str) -> Iterator[int]:
    """Yield the ids of the processes, other than this one, whose mark starts with `mark`."""
    needle = f"{MARK}={mark}".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if int(environment.parent.name) != os.getpid() and needle in environment.read_bytes():
                yield int(environment.parent.name)


def main(mark: str) -> None:
    """Read the supervisor's registrations until it has died, then end the registered groups."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # for the supervisor, which then closes our input
    groups: set[int] = set()
    for line in sys.stdin:
        change = groups.add if line[0] == "+" else groups.discard
        change(int(line[1:]))
    end_groups(groups)
    kill_marked(mark)


if __name__ == "__main__":
    main(sys.argv[1])
