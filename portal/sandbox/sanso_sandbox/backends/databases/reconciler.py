"""Reconciles a cluster with its intended state: a thread takes the missing steps, one at a time.

It replaces a failed writer, brings servers into service as readers, and makes commits wait for readers that
follow. A reader that cannot be recovered otherwise starts over from the writer's log.
"""

import logging
import threading
import time
from collections.abc import Callable

import pymysql

from sanso_sandbox.backends.databases import replication
from sanso_sandbox.backends.databases.mariadb import START
from sanso_sandbox.backends.databases.nodes import Node, Stage
from sanso_sandbox.backends.databases.roles import Roles

logger = logging.getLogger(__name__)

INTERVAL = 0.2  # seconds between checks of every process
FAST = 0.05  # while the cluster is unhealthy, with a measurement each time
FAST_FOR = 30.0  # seconds; a longer repair is checked at INTERVAL again
MEASURE = 1.0  # seconds between measurements of the replicas
SILENCE = 6.0  # seconds without a response after which a server is killed
APART = 2.0  # seconds for a replica to reconnect before it counts as not following
CATCH_UP = 30.0  # seconds in which a reader must make progress
PROMOTION = 40.0  # seconds of attempts to promote a reader before the failed writer is restarted
STARTS = 3  # consecutive starts of a reader without success before it starts over


class ClusterReconciler:
    """A cluster, and the time since when it is unhealthy."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        self._unhealthy_since: float | None = None
        self._commits = 0, 0.0  # acknowledged commits, and the time since when a waiting commit is not

    def run(self, ended: threading.Event) -> None:
        """Reconcile until the cluster is stopped."""
        measured = 0.0
        while not ended.wait(self._pause()):
            with self._roles.lock:
                if ended.is_set():
                    return
                for node in list(self._roles.nodes):
                    _try(self._restore_writer if node is self._roles.writer else self._restore_reader, node)
                if self._unhealthy_since is not None or time.monotonic() - measured >= MEASURE:
                    measured = time.monotonic()
                    _try(self._measure, self._roles.writer)
                _try(self._lead_endpoints, self._roles.writer)

    def _pause(self) -> float:
        since = self._unhealthy_since
        return FAST if since is not None and time.monotonic() - since < FAST_FOR else INTERVAL

    def _lead_endpoints(self, _writer: Node) -> None:
        """Update the endpoints, and record whether the cluster is healthy."""
        self._unhealthy_since = (
            None if self._roles.is_healthy() else self._unhealthy_since or time.monotonic()
        )
        self._roles.lead()

    def _restore_writer(self, writer: Node) -> None:
        """Replace a failed writer, or restart it."""
        if writer.server.running():
            if writer.stage is Stage.STARTS and writer.server.answers():
                writer.move(Stage.SERVES)
                self._roles.lead()
            elif writer.stage is Stage.DOWN or (writer.stage is Stage.STARTS and writer.age() > START):
                writer.server.kill()
            return
        if writer.stage is not Stage.DOWN:
            writer.move(Stage.DOWN)
            self._roles.lead()
        if self._replaced(writer):
            return
        if writer.may_start():
            if writer.starts:
                logger.warning("%s does not start:\n%s", writer.instance, writer.server.tail())
            writer.launch(reads_only=False)

    def _replaced(self, writer: Node) -> bool:
        """Promote a reader that surely has all data; return whether one writes, or may soon."""
        followers = self._roles.followers()
        if self._roles.safe and followers and all(node.server.running() for node in followers):
            try:
                self._roles.promote(followers)
            except (pymysql.MySQLError, replication.NotCaughtUp) as failed:
                logger.warning("No reader can take the place of %s: %s", writer.instance, failed)
                if writer.age() < PROMOTION:
                    return True
            else:
                return True
        self._roles.safe = False  # only this writer surely has all acknowledged commits
        return False

    def _restore_reader(self, node: Node) -> None:
        """Take the next step of a server into service as a reader."""
        if not node.server.running():
            if node.stage is not Stage.DOWN:
                self._roles.leave(node)
            if node.may_start():
                if node.starts >= STARTS:
                    self._start_over(node, f"It does not get into service:\n{node.server.tail()}")
                node.launch(reads_only=True)
        elif node.stage is Stage.DOWN:
            node.server.kill()
        elif node.stage is Stage.STARTS:
            self._start_following(node)
        elif node.stage is Stage.CATCHES_UP:
            self._catch_up(node)

    def _start_following(self, node: Node) -> None:
        if not node.server.answers():
            if node.age() > START:
                node.server.kill()
        elif self._roles.has_more(node):
            self._start_over(node, "Its log has what its successor never had.")
        elif self._roles.writer.serves:
            target = replication.sequence(replication.position(self._roles.writer.server))
            self._roles.follow(node)
            node.move(Stage.CATCHES_UP)
            node.target = target

    def _catch_up(self, node: Node) -> None:
        found = replication.following(node.server)
        if found.writer != self._roles.writer.server.address:
            node.move(Stage.STARTS)
        elif found.receives and found.applied >= node.target:
            node.move(Stage.SERVES)
            self._roles.lead()
        elif not found.runs:
            self._start_over(node, found.error)
        elif found.applied != node.applied or not self._roles.writer.serves:
            node.applied, node.since = found.applied, time.monotonic()
        elif node.age() > CATCH_UP:
            self._start_over(node, f"It makes no progress. {found.error}")

    def _start_over(self, node: Node, reason: str) -> None:
        """Reset a server, so that it replicates the writer's log from the beginning."""
        logger.warning("%s starts over. %s", node.instance, reason)
        self._roles.leave(node)
        node.server.kill()
        node.server.clear(self._roles.next_number())

    def _measure(self, writer: Node) -> None:
        """Measure the writer and each reader's lag; make commits wait for readers that follow."""
        if not writer.serves:
            return
        try:
            now = replication.writing(writer.server)
            writer.connections = replication.client_connections(writer.server)
        except pymysql.MySQLError:
            writer.connections = None
            _note_silence(writer)
            return
        writer.silence(answered=True)
        if now.reads_only:
            replication.begin_writing(writer.server)
        for node in self._roles.readers():
            try:
                self._measure_reader(node, now.position)
            except pymysql.MySQLError:
                node.received_all, node.lag_ms, node.connections = False, None, None
                _note_silence(node)
        self._keep_acknowledged(now)

    def _measure_reader(self, node: Node, at: str) -> None:
        began = time.monotonic()
        caught_up = replication.wait_for(node.server, at, MEASURE)
        node.lag_ms = round((time.monotonic() - began) * 1000, 1) if caught_up else None
        found = replication.following(node.server)
        node.connections = replication.client_connections(node.server)
        node.silence(answered=True)
        node.received_all = found.received >= replication.sequence(at)
        led_right = found.writer == self._roles.writer.server.address
        if led_right and found.receives:
            node.apart_since, node.ordered_again, node.follows = None, False, True
            return
        node.apart_since = node.apart_since or began
        apart = time.monotonic() - node.apart_since
        if apart > APART or not found.runs:
            node.follows = False
        if not led_right or not (found.runs or node.ordered_again):
            logger.warning("%s does not follow, and is ordered to again. %s", node.instance, found.error)
            node.ordered_again = True
            self._roles.follow(node)
        elif apart > CATCH_UP or (apart > APART and not found.runs):
            self._start_over(node, found.error)

    def _keep_acknowledged(self, now: replication.Writing) -> None:
        """Make commits wait for readers that follow, and detect commits that wait in vain."""
        followers = self._roles.followers()
        if bool(followers) != now.requires:
            self._roles.require_acknowledgement()
            self._reconnect(followers)
            return
        in_vain = now.requires and (
            not now.acknowledged_in_time or (now.waiting and now.acknowledged == self._commits[0])
        )
        if not in_vain:
            self._commits = now.acknowledged, time.monotonic()
        elif time.monotonic() - self._commits[1] > APART:
            logger.warning("Commits wait in vain: the readers reconnect.")
            self._reconnect(followers)
        received = any(node.received_all for node in followers)
        self._roles.safe = now.requires and now.acknowledged_in_time and (self._roles.safe or received)

    def _reconnect(self, followers: list[Node]) -> None:
        """Make readers reconnect: a writer may wait only for readers that connect later."""
        self._commits = -1, time.monotonic()
        for node in followers:
            replication.reconnect(node.server)


def _note_silence(node: Node) -> None:
    silence = node.silence(answered=False)
    if silence > APART:
        node.follows = False
    if silence > SILENCE:
        node.server.kill()  # it must not return while its successor writes


def _try(step: Callable[[Node], None], node: Node) -> None:
    """Take a step; after a failure, the next reconciliation retries it or takes another one."""
    try:
        step(node)
    except pymysql.MySQLError as failed:
        logger.info("The server of %s does not answer: %s", node.instance, failed)
    except Exception:
        logger.exception("The server of %s could not be reconciled; another try follows.", node.instance)
