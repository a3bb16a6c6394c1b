"""Run a program as a user without rights, though the tests run as root.

The interpreter may lie where only root can go, such as /root; the program then gets a file system in which it
can be reached and the rest of that folder can't.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

USER = 65534
# $1: the folder of the interpreter, $2: the topmost folder above it that others can't enter, or nothing.
REACHABLE = """
set -e
if [ -n "$2" ]; then
    aside=$(mktemp -d)
    mount --bind "$1" "$aside"
    mount -t tmpfs -o mode=755 tmpfs "$2"
    mkdir -p "$1"
    mount --bind "$aside" "$1"
    umount "$aside"
    rmdir "$aside"
fi
shift 2
exec "$@"
"""


def why_not() -> str:
    """Return why no program can be run that way here, or nothing."""
    if sys.platform != "linux":
        return "it takes Linux"
    missing = [name for name in ("unshare", "setpriv") if shutil.which(name) is None]
    return f"{', '.join(missing)} not installed" if os.geteuid() == 0 and missing else ""


def reachable() -> list[str]:
    """Return a command prefix that lets any user run this interpreter; the program keeps the present one."""
    prefix = Path(sys.base_prefix).resolve()
    closed = [folder for folder in [*prefix.parents][::-1] if not folder.stat().st_mode & 0o001]
    return [
        *("unshare", "--mount", "--propagation", "private"),
        *("sh", "-c", REACHABLE, "sh", str(prefix), str(closed[0]) if closed else ""),
    ]


def as_nobody() -> list[str]:
    """Return a command prefix that runs a program as a user without rights; empty if this one has none."""
    if os.geteuid() != 0:
        return []
    dropped = ("--inh-caps=-all", "--bounding-set=-all")
    return [*reachable(), "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *dropped]


def user() -> int:
    """Return the id of the user that `as_nobody` gives."""
    return USER if os.geteuid() == 0 else os.geteuid()
