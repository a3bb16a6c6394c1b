"""The process that opened a connection on loopback, found by the kernel's tables. Linux only.

Only the standard library is imported: relay_process.py loads this file by its path.
https://man7.org/linux/man-pages/man5/proc_net_tcp.5.html
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

TABLE = Path("/proc/net/tcp")


def opened_by(groups: Iterable[int], client: tuple[str, int], server: tuple[str, int]) -> bool:
    """Return whether a process of these process groups opened the connection between two addresses."""
    wanted = set(groups)
    number = _inode(client, server) if wanted else ""
    return bool(number) and any(_holds(process, number) for process in _members(wanted))


def _inode(client: tuple[str, int], server: tuple[str, int]) -> str:
    """Return the number of the client's socket, "" if it is gone, or if there is no table."""
    ends = [_hexadecimal(client), _hexadecimal(server)]
    with contextlib.suppress(OSError):
        for line in TABLE.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1:3] == ends:
                return "" if fields[9] == "0" else fields[9]
    return ""


def _hexadecimal(address: tuple[str, int]) -> str:
    """Return an IPv4 address as in the table: its bytes as a number of this machine, and the port."""
    (number,) = struct.unpack("=I", socket.inet_aton(address[0]))
    return f"{number:08X}:{address[1]:04X}"


def _members(groups: set[int]) -> Iterator[int]:
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names suffice
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if os.getpgid(int(entry)) in groups:
                    yield int(entry)


def _holds(process: int, number: str) -> bool:
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{process}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(entry.path) == f"socket:[{number}]":  # noqa: PTH115
                    return True
    return False
