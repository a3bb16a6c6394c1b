"""Lets the processes of a machine listen no more, all at once; what they have in hand goes on. Linux only.

A machine that dies takes its address with it. Its processes die one after the other, and while the last one
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
    """Let the listening sockets of a process group refuse connections; does nothing where it can't."""
    if not hasattr(os, "pidfd_open"):
        return
    for process in _members(group):
        with contextlib.suppress(OSError):
            for shared in _sockets(process):
                with shared:
                    if shared.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                        shared.shutdown(socket.SHUT_RDWR)


def _members(group: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.getpgid(int(entry.name)) == group:
                    yield int(entry.name)


def _sockets(process: int) -> Iterator[socket.socket]:
    """Share a process's sockets. https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html"""
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
