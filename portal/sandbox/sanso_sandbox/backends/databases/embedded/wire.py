"""The bytes between a client and the embedded database, encrypted once the client requests it.

asyncio's own upgrade to TLS loses bytes that the client sent right after its request for TLS, which blocks
the handshake; here TLS runs over the plain stream, so that no bytes are lost.
"""

import asyncio
import ssl
from typing import Any

from mysql_mimic.stream import MysqlStream

CHUNK = 1 << 16


class Wire:
    """Both directions of a client's connection, with mysql-mimic's methods of readers and writers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._decrypted = bytearray()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the TLS handshake. Raises ssl.SSLError or ConnectionError if it fails."""
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._feed()
            else:
                await self.drain()
                return

    async def read(self, size: int) -> bytes:
        """Read exactly this number of bytes, or none if the client has disconnected."""
        try:
            return await self.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    async def readexactly(self, size: int) -> bytes:
        """Read exactly this number of bytes. Raises ConnectionError or IncompleteReadError at the end."""
        if self._tls is None:
            return await self._reader.readexactly(size)
        while len(self._decrypted) < size:
            try:
                more = self._tls.read(CHUNK)
            except ssl.SSLWantReadError:
                await self._feed()
                continue
            except ssl.SSLZeroReturnError:
                more = b""
            if not more:
                raise ConnectionResetError("the client ended the connection")
            self._decrypted += more
        found = bytes(self._decrypted[:size])
        del self._decrypted[:size]
        return found

    async def _feed(self) -> None:
        await self.drain()
        data = await self._reader.read(CHUNK)
        if not data:
            raise ConnectionResetError("the client ended the connection")
        self._incoming.write(data)

    def write(self, data: bytes) -> None:
        """Queue bytes for sending."""
        if self._tls is None:
            self._writer.write(data)
        else:
            self._tls.write(data)
            self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._writer.write(self._outgoing.read())

    async def drain(self) -> None:
        """Wait until the sent bytes are accepted."""
        self._flush()
        await self._writer.drain()

    def is_secure(self) -> bool:
        """Return whether the connection is encrypted."""
        return self._tls is not None

    def cipher(self) -> str:
        """Return the name of the cipher in use; empty without TLS."""
        used = self._tls.cipher() if self._tls is not None else None
        return used[0] if used else ""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return information about the socket, like a StreamWriter."""
        return self._writer.get_extra_info(name, default)

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


class Stream:
    """mysql-mimic's packets over a wire, whose upgrade to TLS replaces mysql-mimic's own."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._packets = MysqlStream(wire, wire)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._packets, name)

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Encrypt the connection from now on."""
        await self.wire.start_tls(context)
