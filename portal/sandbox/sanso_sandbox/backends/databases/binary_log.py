"""The transactions in a server's binary log: which was the last one before a time. Only reads files.

The layout is https://mariadb.com/docs/server/reference/clientserver-protocol/replication-protocol/ (event
header, GTID event): every event has a header with its time in seconds, and a GTID event begins a transaction.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

NAME: Final = "binlog"
MAGIC: Final = b"\xfebin"
HEADER: Final = struct.Struct("<IBIIIH")  # time, type, server, length, next position, flags
GTID_EVENT: Final = 162
GTID: Final = struct.Struct("<QI")  # sequence number, domain


def last_before(folder: Path, second: int) -> str:
    """Return the GTID of the last transaction before the first one that began in or after a second.

    An event's time is that at which its statement began, cut to seconds. Therefore everything that was
    committed before the second is included, and nothing that began in it or later. "" if there is none.
    """
    last = ""
    for began, gtid in _transactions(folder):
        if began >= second:
            break
        last = gtid
    return last


def _transactions(folder: Path) -> Iterator[tuple[int, str]]:
    """Yield (second, GTID) of each transaction in the log files of a data folder, in their order."""
    for path in sorted(folder.glob(f"{NAME}.[0-9]*")):
        with path.open("rb") as file:
            if file.read(len(MAGIC)) == MAGIC:
                yield from _of_file(file)


def _of_file(file: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yield those of an open file, up to an event that the server is still writing."""
    while len(header := file.read(HEADER.size)) == HEADER.size:
        began, kind, server, length, _next, _flags = HEADER.unpack(header)
        if length < HEADER.size:
            return
        if kind == GTID_EVENT:
            body = file.read(length - HEADER.size)
            if len(body) < GTID.size:
                return
            sequence, domain = GTID.unpack_from(body)
            yield began, f"{domain}-{server}-{sequence}"
        else:
            file.seek(length - HEADER.size, 1)
