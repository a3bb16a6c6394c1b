"""The writer and the readers of a cluster of MariaDB servers, and how a reader takes the writer's place.

Changes hold the lock; what the cluster reports of itself needs none.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator

import pymysql

from portal.sandbox.backends.databases import replication
from portal.sandbox.backends.databases.cluster_endpoints import ClusterEndpoints
from portal.sandbox.backends.databases.mariadb import Shared
from portal.sandbox.backends.databases.nodes import Node, Stage
from portal.sandbox.protocols.databases import CannotFailOver, Member

logger = logging.getLogger(__name__)

TURN = 20.0  # seconds that a request waits for what is being done
HAND_OVER = 15.0  # seconds that a reader may take to have all before a planned failover is given up


class Busy(CannotFailOver, OSError):
    """The cluster is being repaired, and that takes long."""


class Roles:
    """The servers of a cluster and their roles."""

    def __init__(self, writer: Node, endpoints: ClusterEndpoints, shared: Shared) -> None:
        self.writer = writer
        self.nodes = [writer]
        self.ends: list[int] = []  # where the log of each former writer ended; their number is the era
        self.safe = False  # every commit waited for a reader when last measured
        self.snapshot: list[Member] = []
        self.lock = threading.RLock()
        self._shared = shared
        self._endpoints = endpoints
        self._numbers = writer.server.number

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock. Raises Busy when that takes too long."""
        if not self.lock.acquire(timeout=TURN):
            raise Busy("The cluster is being repaired; try again.")
        try:
            yield
        finally:
            self.lock.release()

    def next_number(self) -> int:
        """Return a number that no server of the cluster has had."""
        self._numbers += 1
        return self._numbers

    def find(self, instance: str) -> Node | None:
        """Find the server of an instance."""
        return next((node for node in list(self.nodes) if node.instance == instance), None)

    def others(self) -> list[Node]:
        """List the servers that do not write, in the order of their tiers."""
        return sorted(
            (node for node in list(self.nodes) if node is not self.writer), key=lambda node: node.tier
        )

    def readers(self) -> list[Node]:
        """List those of them that are in service."""
        return [node for node in self.others() if node.serves]

    def followers(self) -> list[Node]:
        """List those of them that commits wait for."""
        return [node for node in self.readers() if node.follows]

    def is_healthy(self) -> bool:
        """Return whether every server is in service in its role."""
        others = self.others()
        return self.writer.serves and (not others or (self.safe and self.followers() == others))

    def lead(self) -> None:
        """Lead the endpoints to the present writer and readers; without a reader both lead to the writer."""
        self.take_snapshot()
        writer = [self.writer.server.address] if self.writer.instance and self.writer.serves else []
        self._endpoints.lead(writer, [node.server.address for node in self.readers()])

    def take_snapshot(self) -> None:
        """Record what the cluster reports of itself."""
        self.snapshot = [
            Member(
                instance=node.instance,
                address=node.server.address,
                writes=node is self.writer,
                answers=node.serves,
                follows=node is not self.writer and node.serves and node.follows and self.safe,
                lag_ms=None if node is self.writer else node.lag_ms,
            )
            for node in self.nodes
            if node.instance
        ]

    def leave(self, node: Node) -> None:
        """Take a server out of service."""
        if node.follows:
            self.safe = False  # it may be the only one that has what was acknowledged
        node.move(Stage.DOWN)
        self.lead()

    def follow(self, node: Node) -> None:
        """Let a server follow the writer, whatever it did before."""
        node.follows = False
        replication.follow(node.server, self.writer.server, self._shared)
        node.era = len(self.ends)

    def has_more(self, node: Node) -> bool:
        """Return whether a former writer's log has what its successor never had."""
        log_ends = replication.sequence(replication.position(node.server))
        return node.era < len(self.ends) and log_ends > self.ends[node.era]

    def require_acknowledgement(self) -> None:
        """Let commits wait for a replica exactly while there is one that takes them."""
        self.safe = False
        replication.require_acknowledgement(self.writer.server, bool(self.followers()))

    def fail_over_to(self, chosen: Node) -> None:
        """Fail over to a reader while the writer runs: nothing that it acknowledged is lost.

        Raises CannotFailOver; the writer then goes on, at once or after the next reconciliation.
        """
        writer = self.writer
        if not (chosen.serves and writer.serves):
            raise CannotFailOver("The writer or the reader is starting.")
        try:
            replication.position(writer.server)  # one that hangs is not waited for longer than for a response
            replication.end_writing(writer.server)
            at = replication.position(writer.server)
            if not replication.wait_for(chosen.server, at, HAND_OVER):
                raise CannotFailOver("The reader is too far behind the writer to take its place.")
            self.promote([chosen])
        except (pymysql.MySQLError, replication.NotCaughtUp, CannotFailOver) as failed:
            with contextlib.suppress(pymysql.MySQLError):
                replication.begin_writing(writer.server)
            raise CannotFailOver(str(failed)) from failed
        writer.server.shut_down()  # it comes back as a reader

    def promote(self, candidates: list[Node]) -> None:
        """Let the one that has most of the log write, and the others follow it.

        Raises MySQLError or NotCaughtUp before anything of that is done; it may be tried again.
        """
        received = {node: replication.stop_receiving(node.server) for node in candidates}
        chosen = max(candidates, key=lambda node: (received[node], -node.tier))
        replication.promote(chosen.server, received[chosen])
        former, self.writer = self.writer, chosen
        self.ends.append(received[chosen])
        chosen.era, self.safe = len(self.ends), False
        chosen.move(Stage.SERVES)
        former.move(Stage.DOWN)
        logger.info("%s writes now.", chosen.instance)
        with contextlib.suppress(OSError):  # the next reconciliation leads again
            self.lead()
        for node in self.readers():
            with contextlib.suppress(pymysql.MySQLError):  # the next measurement finds what it follows
                self.follow(node)

    def close(self) -> None:
        """Report no instance any more, and release the addresses."""
        self.snapshot = []
        with contextlib.suppress(OSError):
            self._endpoints.close()
