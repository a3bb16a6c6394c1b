"""The writer and the readers of a cluster of MariaDB servers, and failovers between them.

Changes require the lock; reading the snapshot does not.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator

import pymysql

from sanso_sandbox.backends.databases import replication
from sanso_sandbox.backends.databases.cluster_endpoints import ClusterEndpoints
from sanso_sandbox.backends.databases.mariadb import Shared
from sanso_sandbox.backends.databases.nodes import Node, Stage
from sanso_sandbox.protocols.databases import CannotFailOver, Member

logger = logging.getLogger(__name__)

TURN = 20.0  # seconds that a request waits for other changes
HAND_OVER = 15.0  # seconds for a reader to catch up before a planned failover is canceled


class Busy(CannotFailOver, OSError):
    """The cluster is being repaired for longer than a request waits."""


class Roles:
    """The servers of a cluster and their roles."""

    def __init__(self, writer: Node, endpoints: ClusterEndpoints, shared: Shared) -> None:
        self.writer = writer
        self.nodes = [writer]
        self.ends: list[int] = []  # where the log of each former writer ended; the length is the current era
        self.safe = False  # whether every commit waited for a reader at the last measurement
        self.snapshot: list[Member] = []
        self.lock = threading.RLock()
        self._shared = shared
        self._endpoints = endpoints
        self._numbers = writer.server.number

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock. Raises Busy after a timeout."""
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
        """Return the server of an instance."""
        return next((node for node in list(self.nodes) if node.instance == instance), None)

    def others(self) -> list[Node]:
        """Return the servers except for the writer, sorted by tier."""
        return sorted(
            (node for node in list(self.nodes) if node is not self.writer), key=lambda node: node.tier
        )

    def readers(self) -> list[Node]:
        """Return the readers in service."""
        return [node for node in self.others() if node.serves]

    def followers(self) -> list[Node]:
        """Return the readers that commits wait for."""
        return [node for node in self.readers() if node.follows]

    def is_healthy(self) -> bool:
        """Return whether every server is in service in its role."""
        others = self.others()
        return self.writer.serves and (not others or (self.safe and self.followers() == others))

    def lead(self) -> None:
        """Connect the endpoints to the current writer and readers; without a reader, both to the writer."""
        self.take_snapshot()
        writer = [self.writer.server.address] if self.writer.instance and self.writer.serves else []
        self._endpoints.lead(writer, [node.server.address for node in self.readers()])

    def take_snapshot(self) -> None:
        """Record the state that the cluster reports."""
        self.snapshot = [
            Member(
                instance=node.instance,
                address=node.server.address,
                writes=node is self.writer,
                answers=node.serves,
                follows=node is not self.writer and node.serves and node.follows and self.safe,
                lag_ms=None if node is self.writer else node.lag_ms,
                connections=node.connections,
            )
            for node in self.nodes
            if node.instance
        ]

    def leave(self, node: Node) -> None:
        """Take a server out of service."""
        if node.follows:
            self.safe = False  # it may be the only one with all acknowledged commits
        node.move(Stage.DOWN)
        self.lead()

    def follow(self, node: Node) -> None:
        """Make a server follow the writer, in any earlier state."""
        node.follows = False
        replication.follow(node.server, self.writer.server, self._shared)
        node.era = len(self.ends)

    def has_more(self, node: Node) -> bool:
        """Return whether a former writer's log has transactions that its successor never received."""
        log_ends = replication.sequence(replication.position(node.server))
        return node.era < len(self.ends) and log_ends > self.ends[node.era]

    def require_acknowledgement(self) -> None:
        """Make commits wait for a replica if and only if there is one that follows."""
        self.safe = False
        replication.require_acknowledgement(self.writer.server, bool(self.followers()))

    def fail_over_to(self, chosen: Node) -> None:
        """Fail over to a reader while the writer runs, without losing acknowledged commits.

        Raises CannotFailOver; the writer then continues, at once or after the next reconciliation.
        """
        writer = self.writer
        if not (chosen.serves and writer.serves):
            raise CannotFailOver("The writer or the reader is starting.")
        try:
            replication.position(writer.server)  # fails quickly if the writer hangs
            replication.end_writing(writer.server)
            at = replication.position(writer.server)
            if not replication.wait_for(chosen.server, at, HAND_OVER):
                raise CannotFailOver("The reader is too far behind the writer to take its place.")
            self.promote([chosen])
        except (pymysql.MySQLError, replication.NotCaughtUp, CannotFailOver) as failed:
            with contextlib.suppress(pymysql.MySQLError):
                replication.begin_writing(writer.server)
            raise CannotFailOver(str(failed)) from failed
        writer.server.shut_down()  # it returns as a reader

    def promote(self, candidates: list[Node]) -> None:
        """Promote the candidate with the longest log, and make the others follow it.

        Raises MySQLError or NotCaughtUp without any change of roles; it may be tried again.
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
        with contextlib.suppress(OSError):  # the next reconciliation updates the endpoints
            self.lead()
        for node in self.readers():
            with contextlib.suppress(pymysql.MySQLError):  # the next measurement detects it
                self.follow(node)

    def close(self) -> None:
        """Report no instances any more, and release the addresses."""
        self.snapshot = []
        with contextlib.suppress(OSError):
            self._endpoints.close()
