"""Bytes from one connection to another, and connecting to the first target that takes the connection."""

import asyncio
import contextlib
from collections.abc import Iterable

CONNECT = 3.0  # seconds
PIECE = 65536

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(targets: Iterable[tuple[str, int]]) -> Streams | None:
    """Connect to the first target that answers; None when none does; nothing was sent meanwhile."""
    for host, port in targets:
        try:
            async with asyncio.timeout(CONNECT):
                return await asyncio.open_connection(host, port)
        except OSError:
            continue
    return None


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copy until the source ends, then end the sink's direction as well."""
    with contextlib.suppress(OSError):
        while piece := await source.read(PIECE):
            sink.write(piece)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, whatever state it is in."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
