"""The addresses of a run: taken when it is planned, held until it ends, inherited by its programs.

A port that is probed, closed and bound later can be taken by another process in between, and then two runs
share what answers there. So the supervisor itself listens, before anything is started, and the program
accepts on the socket that it inherits. While a program is being started again connections wait for it, and
no other process can answer in its place. Redis servers take no socket from outside: theirs is a Unix socket
in a folder that only its owner can enter.
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
TRIES = 200
BACKLOG = 2048  # connections that wait for the program, as many as uvicorn lets wait
LONGEST_PATH = 100  # bytes; the kernel takes 107 on Linux and 103 on macOS, the last of them a zero


class NoFreePort(Exception):
    """None of the ports that were tried is free; the message names them."""


def listen(first: int, *, host: str = HOST) -> socket.socket:
    """Return a socket that listens on the first free port from `first` upwards; raises NoFreePort after many.

    It listens at once: of two sockets that are only bound with SO_REUSEADDR, Linux lets both have the port.
    """
    last = min(first + TRIES, 65536) - 1
    for port in range(first, last + 1):
        if (listener := _listen(host, port)) is not None:
            return listener
    raise NoFreePort(f"No port from {first} to {last} is free.")


def _listen(host: str, port: int) -> socket.socket | None:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted connections inherit it on Linux, where servers that are handed a socket do not set it.
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
