"""The two addresses of a cluster, and where they lead: to its writer, and to its readers."""

from portal.sandbox.backends.databases.endpoints import choose
from portal.sandbox.backends.databases.relays import Relay
from portal.sandbox.protocols.databases import Address, Endpoint

TRIES = 3


class ClusterEndpoints:
    """A relay for each endpoint; one for both where there is only one address. Raises OSError without any."""

    endpoint: Endpoint

    def __init__(self, port: int) -> None:
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

        Connections that write elsewhere are cut; those that read from a server that writes now may go on.
        """
        if self._reading is not self._writing:
            self._reading.lead(*(readers or writer), cut=False)
        self._writing.lead(*writer, cut=True)

    def close(self) -> None:
        """Give the addresses back."""
        for relay in {id(one): one for one in (self._writing, self._reading)}.values():
            relay.close()
