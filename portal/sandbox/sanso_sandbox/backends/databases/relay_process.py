"""Relays the connections of cluster endpoints to the current servers.

A separate process, started by relays.py, so that a busy sandbox does not delay queries. Reads one JSON
command a line from standard input and responds to each with a line; ends when its input ends.
"""

import asyncio
import importlib.util
import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from sanso_sandbox.supervision import connecting
else:
    # loaded by path, because the project is not on the path of this program
    _path = Path(__file__).resolve().parents[2] / "supervision/connecting.py"
    _found = importlib.util.spec_from_file_location("connecting", _path)
    connecting = importlib.util.module_from_spec(_found)
    _found.loader.exec_module(connecting)

BACKLOG = 512
CONNECT = 3.0  # seconds
UNANSWERED = 127.0  # seconds after which Linux gives up to connect

Address = tuple[str, int]


class RelayedEndpoint:
    """An endpoint: its listener, its targets, and its connections."""

    def __init__(self) -> None:
        self.server: asyncio.Server | None = None
        self.targets: list[Address] = []
        self.turn = 0
        self.kept_out: dict[Address, list[int | str]] = {}
        self.changed = asyncio.Event()  # of the origins that are kept out
        self.clients: dict[ClientConnection, Address | None] = {}

    async def open(self, address: Address) -> None:
        """Start to listen."""
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: ClientConnection(self), *address, backlog=BACKLOG)

    def lead(self, targets: list[Address], cut: bool) -> None:
        """Change the targets of new connections; with `cut`, end connections to other targets now."""
        self.targets = targets
        if cut:
            for client in [one for one, target in self.clients.items() if target not in targets]:
                client.abort()

    def keep_out(self, origins: dict[Address, list[int | str]]) -> None:
        """Change who is kept out; clients that wait are decided about again."""
        self.kept_out = origins
        self.changed.set()
        self.changed = asyncio.Event()

    def close(self) -> None:
        """Stop listening and end all connections."""
        if self.server is not None:
            self.server.close()
        for client in list(self.clients):
            client.abort()

    def next_targets(self) -> list[Address]:
        """Return the servers, with the next one in turn first."""
        self.turn += 1
        at = self.turn % max(1, len(self.targets))
        return self.targets[at:] + self.targets[:at]


class Side(asyncio.Protocol):
    """One end of a relayed connection: received bytes are sent to its peer."""

    transport: asyncio.Transport
    peer: "Side | None" = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        if self.peer is not None:
            self.peer.transport.write(data)

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        if self.peer is not None:
            self.peer.transport.close()


class ClientConnection(Side):
    """The client's end, which connects to a server."""

    def __init__(self, relay: RelayedEndpoint) -> None:
        self.relay = relay
        self.search: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self.relay.clients[self] = None
        self.search = asyncio.ensure_future(self.connect())

    async def connect(self) -> None:
        """Connect to the first server that accepts the connection; without one, abort the client's."""
        targets = self.relay.next_targets()
        try:
            async with asyncio.timeout(UNANSWERED):
                while targets and self.is_kept_out(targets[0]):
                    await self.relay.changed.wait()
        except TimeoutError:
            self.abort()
            return
        for target in targets:
            try:
                async with asyncio.timeout(CONNECT):
                    _transport, peer = await asyncio.get_running_loop().create_connection(Side, *target)
            except OSError:
                continue
            if target not in self.relay.targets or self.transport.is_closing():
                peer.transport.abort()
                continue
            self.peer, peer.peer = peer, self
            self.relay.clients[self] = target
            self.transport.resume_reading()
            return
        self.abort()

    def is_kept_out(self, target: Address) -> bool:
        """Return whether the client comes from where no connection to this server is possible."""
        origins = self.relay.kept_out.get(target, ())
        client, own = self.transport.get_extra_info("peername"), self.transport.get_extra_info("sockname")
        groups = [origin for origin in origins if isinstance(origin, int)]
        return client[0] in origins or connecting.opened_by(groups, client, own)

    def abort(self) -> None:
        """End both sides at once."""
        self.transport.abort()
        if self.peer is not None:
            self.peer.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.relay.clients.pop(self, None)
        if self.search is not None:
            self.search.cancel()


async def main() -> None:
    """Execute commands until the input ends."""
    relays: dict[str, RelayedEndpoint] = {}
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        error = ""
        try:
            await carry_out(relays, json.loads(line))
        except OSError as failed:
            error = str(failed)
        sys.stdout.write(json.dumps({"error": error}) + "\n")
        sys.stdout.flush()


async def carry_out(relays: dict[str, RelayedEndpoint], command: dict[str, Any]) -> None:
    """Execute a command. Raises OSError if an address is not free."""
    name = command["relay"]
    match command["do"]:
        case "open":
            relay = RelayedEndpoint()
            await relay.open((command["host"], command["port"]))
            relays[name] = relay
        case "lead":
            relays[name].lead([(host, port) for host, port in command["to"]], command["cut"])
        case "keep_out" if name in relays:  # it may have been closed meanwhile
            relays[name].keep_out({(one["to"][0], one["to"][1]): one["from"] for one in command["servers"]})
        case "close":
            relays.pop(name).close()


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)
