"""System calls without a function in Python: namespaces, mounts, capabilities, Landlock. Linux only.

Every function raises OSError if the kernel rejects the call. Only the standard library is imported.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x8000000, 0x10000000, 0x20000000

MS_RDONLY, MS_NOSUID, MS_NODEV = 0x1, 0x2, 0x4
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 0x2
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
SYS_MOUNT_SETATTR = 442  # the same on every architecture, like those of Landlock

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
CAPABILITIES_V3 = 0x20080522

SYS_LANDLOCK_CREATE_RULESET, SYS_LANDLOCK_ADD_RULE, SYS_LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_VERSION, LANDLOCK_PATH_BENEATH = 1, 1
# https://docs.kernel.org/userspace-api/landlock.html#filesystem-flags
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
READING = EXECUTE | READ_FILE | READ_DIR
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # the other rights are for folders
KNOWN_BITS = {1: 13, 2: 14, 3: 15, 4: 15}  # number of rights by Landlock's version; 16 since version 5
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def unshare(flags: int) -> None:
    """Leave the parent's namespaces for new ones (a new process namespace begins with the next child)."""
    _check(_libc.unshare(flags), "unshare")


def map_own_user() -> None:
    """Enter a new user namespace with only this user and group."""
    Path("/proc/self/setgroups").write_text("deny")
    user, group = os.geteuid(), os.getegid()
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """https://man7.org/linux/man-pages/man2/mount.2.html"""
    given = [text.encode() or None for text in (source, target, kind)]
    _check(_libc.mount(*given, ctypes.c_ulong(flags), options.encode() or None), target)


def restrict_mount(target: str, flags: int, *, below: bool = True) -> None:
    """Set flags of a mount and of all mounts below; no flag is removed. Linux 5.12 and later."""
    attributes = struct.pack("QQQQ", flags, 0, 0, 0)
    how = ctypes.c_uint(AT_RECURSIVE if below else 0)
    call = ctypes.c_long(SYS_MOUNT_SETATTR)
    _check(_libc.syscall(call, AT_FDCWD, target.encode(), how, attributes, ctypes.c_size_t(32)), target)


def change_root(folder: str) -> None:
    """Make a mount the root of all paths, and unmount the old root."""
    os.chdir(folder)
    _check(_libc.pivot_root(b".", b"."), folder)
    _check(_libc.umount2(b".", MNT_DETACH), folder)
    os.chdir("/")


def end_with_parent(signal_number: int) -> None:
    """Make the kernel send this process a signal when its parent, or the thread that forked it, ends."""
    _check(_libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "PR_SET_PDEATHSIG")


def forbid_new_privileges() -> None:
    """Prevent programs that this process executes from gaining rights, for example by a set-user-id bit."""
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")


def drop_capabilities() -> None:
    """Drop every capability that this process has."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for capability in range(last + 1):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == -1:
            break  # not permitted, so there are no capabilities to drop
    header = struct.pack("Ii", CAPABILITIES_V3, 0)
    _check(_libc.capset(header, bytes(24)), "capset")


def landlock_version() -> int:
    """Return the kernel's version of Landlock, 0 without Landlock."""
    if sys.platform != "linux":
        return 0
    found: int = _libc.syscall(ctypes.c_long(SYS_LANDLOCK_CREATE_RULESET), None, 0, LANDLOCK_VERSION)
    return max(found, 0)


def restrict_files(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Allow reading and executing below some paths, and all access below others. No effect without Landlock.

    It also prevents this process and its children from tracing others, from reading their environment and
    memory under /proc, and, since version 6, from sending them signals. Requires `forbid_new_privileges`.
    """
    version = landlock_version()
    if not version:
        return
    known = (1 << KNOWN_BITS.get(version, 16)) - 1
    scoped = SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = struct.pack("QQQ", known, 0, scoped)
    create = ctypes.c_long(SYS_LANDLOCK_CREATE_RULESET)
    rules = _check(_libc.syscall(create, attributes, ctypes.c_size_t(size), 0), "Landlock")
    try:
        for path in readable:
            _allow(rules, path, READING)
        for path in writable:
            _allow(rules, path, known)
        _check(_libc.syscall(ctypes.c_long(SYS_LANDLOCK_RESTRICT_SELF), rules, 0), "Landlock")
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    """Add a rule; a missing path is skipped."""
    try:
        opened = os.open(path, os.O_PATH)
    except OSError:
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        rule = struct.pack("=Qi", rights if is_folder else rights & OF_FILES, opened)
        add = ctypes.c_long(SYS_LANDLOCK_ADD_RULE)
        _check(_libc.syscall(add, rules, LANDLOCK_PATH_BENEATH, rule, 0), path)
    finally:
        os.close(opened)
