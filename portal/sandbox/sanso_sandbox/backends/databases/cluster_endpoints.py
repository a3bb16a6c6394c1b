"""The two endpoints of a cluster, and the servers that they connect to: its writer, and its readers."""

import time
from collections.abc import Callable

from sanso_sandbox.backends.databases.endpoints import choose
from sanso_sandbox.backends.databases.relays import KeptOut, Relay
from sanso_sandbox.protocols.databases import Address, Endpoint

TRIES = 3


class ClusterEndpoints:
    """A relay for each endpoint; one for both if they share an address. Raises OSError without an address."""

    endpoint: Endpoint

    def __init__(self, port: int, lag: Callable[[], float] = lambda: 0.0) -> None:
        self._lag = lag
        self._last_writer: list[Address] = []
        self._moved_at: float | None = None
        for attempt in range(1, TRIES + 1):
            self.endpoint = choose(port)
            try:
                self._writing = Relay((self.endpoint.writer, self.endpoint.port))
                self._reading = self._writing
                if self.endpoint.reader != self.endpoint.writer:
                    self._reading = Relay((self.endpoint.reader, self.endpoint.port))
            except OSError:
                if attempt == TRIES:
                    raise
            else:
                return

    def lead(self, writer: list[Address], readers: list[Address]) -> None:
        """Connect new clients to these servers; without a reader, both endpoints connect to the writer.

        After a failover, clients reach the old writer until the DNS lag has passed, as on AWS: it rejects
        their writes. Without a lag, connections through the writer endpoint to other servers are cut at once;
        those through the reader endpoint stay open, even if their server becomes the writer.
        """
        if self._reading is not self._writing:
            self._reading.lead(*(readers or writer), cut=False)
        lag = self._lag()
        if not writer or not self._last_writer or writer == self._last_writer or not lag:
            self._writing.lead(*writer, cut=True)
            self._last_writer, self._moved_at = writer or self._last_writer, None
            return
        if self._moved_at is None:
            self._moved_at = time.monotonic()
            self._writing.lead(cut=True)  # the failover itself cuts the connections
        if time.monotonic() - self._moved_at < lag:
            self._writing.lead(*self._last_writer, cut=False)
            return
        self._writing.lead(*writer, cut=False)
        self._last_writer, self._moved_at = writer, None

    def keep_out(self, origins: KeptOut) -> None:
        """Give new connections from these origins no response, by the server that they would lead to."""
        for relay in self._relays():
            relay.keep_out(origins)

    def close(self) -> None:
        """Release the addresses."""
        for relay in self._relays():
            relay.close()

    def _relays(self) -> list[Relay]:
        return [self._writing] if self._reading is self._writing else [self._writing, self._reading]
