"""The addresses of a run: opened when it is planned, kept open until it ends, inherited by its programs.

A port that is probed, closed and bound later can be bound by another process in between, and then two runs
share one server. So the supervisor itself listens, before it starts anything, and the program accepts
connections on the socket that it inherits. While a program restarts, connections wait for it, and no other
process can respond in its place. Redis servers cannot inherit a socket: they have a Unix socket in a folder
that only its owner can enter.
"""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import stat
import tempfile
from pathlib import Path

HOST = "127.0.0.1"
NAME = "localhost"
"""The name of the portal's address: browsers create no passkeys for an IP address."""
TRIES = 200
BACKLOG = 2048  # connections that wait for the program, as many as with uvicorn
LONGEST_PATH = 100  # bytes; the kernel allows 107 on Linux and 103 on macOS, including a final zero


class NoFreePort(Exception):
    """Raised when none of the ports in a range is free; the message has the range."""


def listen(first: int, *, host: str = HOST) -> socket.socket:
    """Return a socket that listens on the first free port from `first` up. Raise NoFreePort if there is none.

    It listens at once: two sockets that are only bound with SO_REUSEADDR can have the same port on Linux.
    """
    last = min(first + TRIES, 65536) - 1
    for port in range(first, last + 1):
        if (listener := _listen(host, port)) is not None:
            return listener
    raise NoFreePort(f"No port from {first} to {last} is free.")


def listen_for_browsers(first: int) -> list[socket.socket]:
    """Return a socket that listens on the first free port from `first` up, as the first of the list.

    The second, if this machine has IPv6, occupies the same port of ::1 without listening: browsers try that
    address of "localhost" first, and another user's program must not respond there.
    Raise NoFreePort if there is none.
    """
    wanted = first
    while True:
        listener = listen(wanted)
        try:
            return [listener, *_occupy("::1", port_of(listener))]
        except OSError:
            wanted = port_of(listener) + 1
            listener.close()
            if wanted >= first + TRIES:
                raise NoFreePort(f"No port from {first} to {wanted - 1} is free.") from None


def _occupy(address: str, port: int) -> list[socket.socket]:
    """Bind a socket that refuses connections. Raise OSError if another program has the port."""
    if not socket.has_ipv6:
        return []
    holder = socket.socket(socket.AF_INET6)  # without SO_REUSEADDR, which would let others bind it too
    try:
        holder.bind((address, port))
    except OSError as error:
        holder.close()
        if error.errno == errno.EADDRNOTAVAIL:  # IPv6 is disabled
            return []
        raise
    return [holder]


def _listen(host: str, port: int) -> socket.socket | None:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted connections inherit it on Linux; servers do not set it on an inherited socket.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return None
        raise
    return listener


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket listens on."""
    port: int = listener.getsockname()[1]
    return port


def socket_path(folder: Path) -> Path:
    """Return a path for a server's socket that only this user can reach: in `folder`, if it is short enough.

    Raise PermissionError if the folder for long paths belongs to somebody else.
    """
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_PATH:
        return path
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    private = Path(tempfile.gettempdir()) / f"sanso-{os.geteuid()}-{name}"
    private.mkdir(mode=0o700, exist_ok=True)
    found = private.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{private} is not a folder of this user alone")
    return private / path.name
