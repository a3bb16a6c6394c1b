"""Stops all listening sockets of a machine's processes at once; requests in progress continue. Linux only.

A machine that fails takes its address with it. Its processes end one after the other; while the last one
still listens, a client that was cut off by the first one would reconnect to it and be cut off again.
"""

import contextlib
import ctypes
import os
import socket
from collections.abc import Iterator
from pathlib import Path

_PIDFD_GETFD = 438  # the same number on every architecture


def stop(group: int) -> None:
    """Make the listening sockets of a process group reject connections, if that is possible."""
    if not hasattr(os, "pidfd_open"):
        return
    for process in members(group):
        with contextlib.suppress(OSError):
            for one in _sockets(process):
                with one:
                    if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                        one.shutdown(socket.SHUT_RDWR)


def shared(group: int) -> dict[tuple[str, int], socket.socket]:
    """Return duplicates of a process group's listening sockets by address; none if that is not possible."""
    found: dict[tuple[str, int], socket.socket] = {}
    if not hasattr(os, "pidfd_open"):
        return found
    for process in members(group):
        with contextlib.suppress(OSError):
            for one in _sockets(process):
                address = one.getsockname() if one.family == socket.AF_INET else None
                listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                if address is None or not listens or address in found:
                    one.close()
                else:
                    found[address] = one
    return found


def members(group: int) -> Iterator[int]:
    """Yield the processes of a process group. Linux only."""
    if not Path("/proc/self").exists():
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.getpgid(int(entry.name)) == group:
                    yield int(entry.name)


def _sockets(process: int) -> Iterator[socket.socket]:
    """Yield duplicates of a process's sockets. https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html"""
    library = ctypes.CDLL(None, use_errno=True)
    handle = os.pidfd_open(process)
    try:
        for entry in Path(f"/proc/{process}/fd").iterdir():
            if str(entry.readlink()).startswith("socket:"):
                number = library.syscall(_PIDFD_GETFD, handle, int(entry.name), 0)
                if number >= 0:
                    yield socket.socket(fileno=number)
    finally:
        os.close(handle)
