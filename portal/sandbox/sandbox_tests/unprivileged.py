"""Runs a program as a user without privileges, although the tests run as root.

If only root can access the interpreter's folder, for example below /root, the program gets a mount namespace
that contains the interpreter but not the rest of that folder.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

USER = 65534
# $1: the folder of the interpreter, $2: the topmost folder above it that others cannot access, or nothing.
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
    """Return the reason why this machine cannot run such a program, or ""."""
    if sys.platform != "linux":
        return "it takes Linux"
    missing = [name for name in ("unshare", "setpriv") if shutil.which(name) is None]
    return f"{', '.join(missing)} not installed" if os.geteuid() == 0 and missing else ""


def reachable() -> list[str]:
    """Return a command prefix with which any user can run this interpreter; the user stays the same."""
    prefix = Path(sys.base_prefix).resolve()
    closed = [folder for folder in [*prefix.parents][::-1] if not folder.stat().st_mode & 0o001]
    return [
        *("unshare", "--mount", "--propagation", "private"),
        *("sh", "-c", REACHABLE, "sh", str(prefix), str(closed[0]) if closed else ""),
    ]


def as_nobody() -> list[str]:
    """Return a command prefix that runs a program without privileges; empty if this user has none."""
    if os.geteuid() != 0:
        return []
    dropped = ("--inh-caps=-all", "--bounding-set=-all")
    return [*reachable(), "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *dropped]


def user() -> int:
    """Return the id of the user that `as_nobody` gives."""
    return USER if os.geteuid() == 0 else os.geteuid()
