"""The attempts of a hostile program in a confined process; prints the successful ones as JSON.

The argument is JSON: files to read, folders to list, the ids of processes to inspect and to harm, and a
secret to search for, written backwards so that this argument does not contain it.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

PTRACE_SEIZE = 0x4206


def achieved(attempt: Callable[[], object]) -> bool:
    """Return whether an attempt raised nothing."""
    try:
        attempt()
    except OSError:
        return False
    return True


def trace(pid: int) -> None:
    """Attach to a process as a debugger does."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_SEIZE, pid, None, None) == -1:
        raise OSError(ctypes.get_errno(), "ptrace")


def others() -> list[int]:
    """Return the ids of all visible processes."""
    try:
        names = os.listdir("/proc")  # noqa: PTH208
    except OSError:
        return []
    return [int(name) for name in names if name.isdigit() and int(name) != os.getpid()]


def environments(wanted: str) -> list[int]:
    """Return the processes with a text in their environment or command, where these are readable."""
    found = []
    for pid in others():
        for name in ("environ", "cmdline"):
            try:
                text = Path(f"/proc/{pid}/{name}").read_text(errors="replace")
            except OSError:
                continue
            if wanted in text:
                found.append(pid)
    return found


def attack(given: dict[str, Any]) -> dict[str, Any]:
    """Try everything and return the attempts that succeeded."""
    victims, secret = given["processes"], given["reversed secret"][::-1]
    limits = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in ("CORE", "NOFILE")}
    return {
        "read": [path for path in given["files"] if achieved(Path(path).read_bytes)],
        "listed": [path for path in given["folders"] if achieved(partial(os.listdir, path))],
        "written": [path for path in given["folders"] if achieved(Path(path, "created").touch)],
        "memory": [pid for pid in victims if achieved(Path(f"/proc/{pid}/mem").read_bytes)],
        "seen": environments(secret),
        "traced": [pid for pid in victims if achieved(partial(trace, pid))],
        "signalled": [pid for pid in victims if achieved(partial(os.kill, pid, signal.SIGTERM))],
        "became root": achieved(lambda: os.setuid(0)) and os.geteuid() == 0,
        "secret in environment": secret in json.dumps(dict(os.environ)),
        "descriptors": len(os.listdir("/proc/self/fd")) - 1,  # noqa: PTH208  (that of the listing)
        "limits": limits,
        "status": {
            line.split(":")[0]: line.split(":")[1].strip()
            for line in Path("/proc/self/status").read_text().splitlines()
            if line.startswith(("CapEff", "CapPrm", "NoNewPrivs", "Groups", "Uid"))
        },
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(attack(json.loads(sys.argv[1]))))
