"""The two addresses of a cluster, and where they lead: to its writer, and to its readers."""

import time
from collections.abc import Callable

from portal.sandbox.backends.databases.endpoints import choose
from portal.sandbox.backends.databases.relays import Relay
from portal.sandbox.protocols.databases import Address, Endpoint

TRIES = 3


class ClusterEndpoints:
    """A relay for each endpoint; one for both where there is only one address. Raises OSError without any."""

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
        """Lead to these servers from now on; without a reader both endpoints lead to the writer.

        After a failover, clients find the old writer until the lag of its name has passed, as on AWS: it
        refuses their writes. Without a lag, connections that write elsewhere are cut; those that read from a
        server that writes now may go on.
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
            self._writing.lead(cut=True)  # the failover itself ends the connections
        if time.monotonic() - self._moved_at < lag:
            self._writing.lead(*self._last_writer, cut=False)
            return
        self._writing.lead(*writer, cut=False)
        self._last_writer, self._moved_at = writer, None

    def close(self) -> None:
        """Give the addresses back."""
        for relay in {id(one): one for one in (self._writing, self._reading)}.values():
            relay.close()
