"""A cluster of MariaDB servers with Aurora's manners: one writes, the others follow, who dies is replaced.

The first server is there from the start, as a cluster's storage is, and waits for an instance to be its own.
A thread looks after the cluster: it fails over when the writer is gone, and brings servers back as readers.
"""

import contextlib
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pymysql

from portal.sandbox.database import replication
from portal.sandbox.database.addresses import Addresses
from portal.sandbox.database.endpoints import Endpoint, Place
from portal.sandbox.database.mariadb import MariaDB, Shared
from portal.sandbox.database.members import ACTIONS, CannotFailOver, Member

logger = logging.getLogger(__name__)

LOOK = 0.2  # seconds between looks whether every process is there
MEASURE = 1.0  # seconds between measurements of the replicas
PATIENCE = 2  # measurements in a row without an answer after which a server counts as dead
CATCH_UP = 30.0  # seconds that a reader may take to have what the writer has


@dataclass(slots=True)
class _Node:
    """A server, and the instance that it is."""

    server: MariaDB
    instance: str = ""
    tier: int = 1
    follows: bool = False  # what the writer acknowledges reaches it
    era: int = 0  # under which writer it last wrote or followed
    lag_ms: float | None = None
    silent: int = 0
    back: bool = True  # in service; False while it starts again


class Aurora:
    """A running cluster. Raises OSError when it cannot be started."""

    endpoint: Endpoint

    def __init__(
        self, base: Path, *, port: int, user: str, password: str, database: str, parameters: dict[str, str]
    ) -> None:
        self._shared = Shared(base=base, port=port, parameters=parameters)
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._numbers = 1
        self._writer = _Node(MariaDB(self._shared, 1, reads_only=False))
        self._nodes = [self._writer]
        self._ends: list[int] = []  # where the log of each former writer ended; their number is the era
        self._safe = False  # every commit waited for a reader at the last look
        self._snapshot: list[Member] = []
        try:
            self._begin(user, password, database)
            self._addresses = Addresses(port)
        except BaseException:
            self._writer.server.stop()
            raise
        self.endpoint = self._addresses.endpoint
        self._thread = threading.Thread(target=self._look_after, name="aurora", daemon=True)
        self._thread.start()

    def _begin(self, user: str, password: str, database: str) -> None:
        """Make the master user and the database, through the log, so that every server gets them."""
        with self._writer.server.session() as cursor:
            cursor.execute("CREATE OR REPLACE USER %s@'%%' IDENTIFIED BY %s", (user, password))
            cursor.execute("GRANT ALL PRIVILEGES ON *.* TO %s@'%%' WITH GRANT OPTION", (user,))
            # Aurora's has neither: readers only read, whoever asks.
            cursor.execute("REVOKE SUPER, READ_ONLY ADMIN ON *.* FROM %s@'%%'", (user,))
            if database:
                cursor.execute("CREATE DATABASE IF NOT EXISTS `{}`".format(database.replace("`", "``")))

    # --- what RDS asks for ---

    def add(self, instance: str, tier: int) -> Place:
        """Give an instance a server; the first one gets the one that is there."""
        with self._lock:
            if not self._writer.instance:
                node = self._writer
            else:
                self._numbers += 1
                node = _Node(MariaDB(self._shared, self._numbers, reads_only=True))
                self._nodes.append(node)
                self._join(node)
            node.instance, node.tier = instance, tier
            self._lead()
            return node.server.place

    def remove(self, instance: str) -> None:
        """Take an instance's server away; the last one keeps the cluster's data, and serves nobody."""
        with self._lock:
            node = self._find(instance)
            if node is None:
                return
            if node is self._writer:
                others = self._readers()
                if not others:
                    node.instance = ""
                    self._lead()
                    return
                self._plan(min(others, key=lambda other: other.tier))
            self._nodes.remove(node)
            self._require_acknowledgement()
            self._lead()
        node.server.stop()

    def rank(self, tiers: dict[str, int]) -> None:
        """Take note of the instances' promotion tiers."""
        with self._lock:
            for node in self._nodes:
                node.tier = tiers.get(node.instance, node.tier)

    def members(self) -> list[Member]:
        """Tell what there is; what is being done meanwhile is not waited for."""
        return self._snapshot

    def fail_over(self, instance: str) -> None:
        """Let a reader write once it has all that the writer has; the writer comes back as a reader."""
        with self._lock:
            node = self._find(instance)
            if node is None or node is self._writer:
                raise CannotFailOver("Cluster has no reader to fail over to.")
            self._plan(node)

    def reboot(self, instance: str) -> None:
        """Start an instance's server again; a writer stays the writer, as on Aurora."""
        with self._lock:
            node = self._find(instance)
            if node is None:
                return
            node.back, node.follows, self._safe = False, False, False
            self._lead()
            if node is not self._writer:
                self._require_acknowledgement()
            node.server.shut_down()
            if node is self._writer:
                self._start_writer()
            else:
                self._bring_back(node)

    def act(self, action: str) -> str:
        """Break something; the cluster finds out by itself."""
        if action not in ACTIONS:
            raise ValueError(f"an action is one of {', '.join(ACTIONS)}")
        if action == "failover":
            with self._lock:
                readers = self._readers()
                if not readers:
                    raise ValueError("the cluster has no reader to fail over to")
                self._plan(min(readers, key=lambda reader: reader.tier))
                return self._writer.instance
        node = self._writer
        if action == "kill_reader":
            readers = self._readers()
            if not readers:
                raise ValueError("the cluster has no reader")
            node = readers[0]
        ways = {"stop": node.server.shut_down, "freeze": node.server.freeze, "kill": node.server.kill}
        ways[action.partition("_")[0]]()
        return node.instance

    def set_password(self, user: str, password: str) -> None:
        """Change a user's password, and wait until the readers know it."""
        with self._lock:
            with self._writer.server.session() as cursor:
                cursor.execute("SET PASSWORD FOR %s@'%%' = PASSWORD(%s)", (user, password))
            at = replication.position(self._writer.server)
            for node in self._readers():
                replication.wait_for(node.server, at, CATCH_UP)

    def stop(self) -> None:
        """End everything and remove its files."""
        self._ended.set()
        with self._lock:
            self._snapshot = []
            self._addresses.close()
            threads = [threading.Thread(target=node.server.stop) for node in self._nodes]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    # --- who is what ---

    def _find(self, instance: str) -> _Node | None:
        return next((node for node in self._nodes if node.instance == instance), None)

    def _readers(self) -> list[_Node]:
        return [node for node in self._nodes if node is not self._writer and node.back]

    def _lead(self) -> None:
        """Lead the endpoints to who writes and reads now; without a reader both lead to the writer."""
        writer = [self._writer.server.place] if self._writer.instance and self._writer.back else []
        readers = [node.server.place for node in self._readers()]
        self._addresses.lead(writer, readers)
        self._tell()

    def _tell(self) -> None:
        self._snapshot = [
            Member(
                instance=node.instance,
                place=node.server.place,
                writes=node is self._writer,
                answers=node.back,
                follows=node is not self._writer and node.back and node.follows and self._safe,
                lag_ms=None if node is self._writer else node.lag_ms,
            )
            for node in self._nodes
            if node.instance
        ]

    def _require_acknowledgement(self) -> None:
        """Let commits wait for a replica exactly while there is one that takes them."""
        wanted = any(node.follows for node in self._readers())
        replication.require_acknowledgement(self._writer.server, wanted)
        self._safe = wanted and replication.acknowledged(self._writer.server)

    # --- changing roles; all with the lock held ---

    def _plan(self, chosen: _Node) -> None:
        """Fail over to a reader while the writer lives: nothing is lost, whatever it acknowledged."""
        writer = self._writer
        try:
            replication.end_writing(writer.server)
            at = replication.position(writer.server)
            if not replication.wait_for(chosen.server, at, CATCH_UP):
                raise CannotFailOver("The reader is too far behind the writer to take its place.")
        except (pymysql.MySQLError, CannotFailOver) as failed:
            with contextlib.suppress(pymysql.MySQLError):
                replication.begin_writing(writer.server)
            raise CannotFailOver(str(failed)) from failed
        writer.back = False
        self._lead()
        self._promote([chosen])
        writer.server.shut_down()  # the thread brings it back

    def _promote(self, candidates: list[_Node]) -> None:
        """Let the one that has most of the log write, and the others follow it."""
        received = {id(node): replication.stop_receiving(node.server) for node in candidates}
        chosen = max(candidates, key=lambda node: (received[id(node)], -node.tier))
        replication.promote(chosen.server, received[id(chosen)])
        self._writer = chosen
        self._ends.append(received[id(chosen)])
        chosen.era, chosen.lag_ms, self._safe = len(self._ends), None, False
        self._lead()
        for node in self._readers():
            self._follow(node)
        logger.info("%s writes now.", chosen.instance)

    def _follow(self, node: _Node) -> None:
        node.follows = False
        replication.follow(node.server, self._writer.server, self._shared)
        node.era = len(self._ends)

    def _join(self, node: _Node) -> None:
        """Let a server that runs follow the writer, and wait until it has what the writer has."""
        at = replication.position(self._writer.server)
        self._follow(node)
        if not replication.wait_for(node.server, at, CATCH_UP):
            logger.warning("%s does not catch up with its writer.", node.instance)
        replication.require_acknowledgement(self._writer.server, True)
        replication.connect_anew(node.server)  # a writer asks those for acknowledgement that come after that
        deadline = time.monotonic() + CATCH_UP
        while not replication.receives(node.server) and time.monotonic() < deadline:
            time.sleep(0.02)
        node.back, node.silent, node.follows = True, 0, True
        self._require_acknowledgement()

    # --- the thread that looks after it all ---

    def _look_after(self) -> None:
        measured = time.monotonic()
        while not self._ended.wait(LOOK):
            with self._lock:
                if self._ended.is_set():
                    return
                try:
                    self._mend()
                    if time.monotonic() - measured >= MEASURE:
                        measured = time.monotonic()
                        self._measure()
                except pymysql.MySQLError as failed:
                    logger.info("A server of a database cluster does not answer: %s", failed)
                except Exception:
                    logger.exception("A database cluster could not be mended; another try follows.")

    def _mend(self) -> None:
        """Replace a writer that is gone, and bring back whoever else is."""
        for node in self._nodes:
            if node.silent >= PATIENCE and node.server.running():
                node.server.kill()  # it must not come back to life beside its successor
        if not self._writer.server.running():
            self._replace_writer()
        for node in self._nodes:
            if node is not self._writer and not node.server.running():
                self._bring_back(node)

    def _replace_writer(self) -> None:
        dead = self._writer
        dead.back = False
        self._lead()
        candidates = [node for node in self._readers() if node.follows and node.server.running()]
        if candidates and self._safe:
            try:
                self._promote(candidates)
            except (pymysql.MySQLError, replication.NotCaughtUp) as failed:
                logger.warning("No reader could take the place of %s: %s", dead.instance, failed)
            else:
                return
        # Nobody but itself surely has all that it acknowledged.
        self._start_writer()

    def _start_writer(self) -> None:
        """Start the writer's server again, and let the readers follow it from where they are."""
        self._writer.server.start(reads_only=False)
        self._writer.back, self._writer.silent, self._safe = True, 0, False
        self._lead()
        for node in self._readers():
            self._follow(node)

    def _bring_back(self, node: _Node) -> None:
        """Start a server again as a reader; with no data if its log has what its successor never had."""
        node.back, node.follows, node.lag_ms = False, False, None
        self._lead()
        self._require_acknowledgement()
        node.server.start(reads_only=True)
        log_ends = replication.sequence(replication.position(node.server))
        if node.era < len(self._ends) and log_ends > self._ends[node.era]:
            node.server.shut_down()
            node.server.clear()
            node.server.start(reads_only=True)
        self._join(node)
        self._lead()

    def _measure(self) -> None:
        """Measure how far each reader is behind, and notice who does not answer."""
        try:
            at = replication.position(self._writer.server)
            self._writer.silent = 0
        except pymysql.MySQLError:
            self._writer.silent += 1
            return
        for node in self._readers():
            began = time.monotonic()
            try:
                caught_up = replication.wait_for(node.server, at, MEASURE)
                node.follows = replication.receives(node.server)
                node.silent = 0
            except pymysql.MySQLError:
                node.silent += 1
                node.follows = False
                continue
            elapsed = (time.monotonic() - began) * 1000
            node.lag_ms = round(elapsed, 1) if caught_up else None
        self._require_acknowledgement()
        self._tell()
