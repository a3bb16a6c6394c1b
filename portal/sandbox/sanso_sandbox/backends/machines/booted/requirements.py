"""Checks whether this host can boot machines, and what is missing otherwise."""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from sanso_sandbox.backends.machines.booted import init

PROGRAMS = ("systemd-nspawn", "debootstrap", "ip", "nsenter", "unshare", "chroot")
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
# The steps of a machine's init process; the network's settings must be writable too.
TRIAL = """
mkdir lower upper work root
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root
ip link add trial0 type veth peer name trial1
echo 1 >/proc/sys/net/ipv4/conf/trial0/route_localnet
"""


@cache
def why_not() -> str:
    """Return the reason why this host cannot boot machines; empty if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "it takes Linux and root"
    missing = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if missing:
        return f"{', '.join(missing)} not installed"
    if not all(os.access(group, os.W_OK) for group in init.groups()):
        return "the system's control groups are read-only"
    folder = Path(tempfile.mkdtemp(prefix="trial-"))
    try:
        done = subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "sh", "-euc", TRIAL],
            cwd=folder,
            env={**os.environ, "PATH": PATH},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return f"the system refuses: {done.stderr.strip().splitlines()[-1]}" if done.returncode else ""
