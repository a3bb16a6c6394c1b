"""A cluster of MariaDB servers with Aurora's manners: one writes, the others follow, who dies is replaced.

The first server is there from the start, as a cluster's storage is, and waits for an instance to be its own.
What is asked for here is short or waits for the thread in reconciler.py, and never waits without bound.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pymysql

from portal.sandbox.backends.databases import replication
from portal.sandbox.backends.databases.cluster_endpoints import Addresses
from portal.sandbox.backends.databases.endpoints import Endpoint, Place
from portal.sandbox.backends.databases.mariadb import START, MariaDB, Shared
from portal.sandbox.backends.databases.nodes import Node, Stage
from portal.sandbox.backends.databases.reconciler import CATCH_UP, Mending
from portal.sandbox.backends.databases.roles import HAND_OVER, TURN, Roles
from portal.sandbox.protocols.databases import ACTIONS, CannotFailOver, Member


class Aurora:
    """A running cluster. Raises OSError when it cannot be started."""

    endpoint: Endpoint

    def __init__(
        self, base: Path, *, port: int, user: str, password: str, database: str, parameters: dict[str, str]
    ) -> None:
        self._shared = Shared(base=base, port=port, parameters=parameters)
        self._ended = threading.Event()
        writer = Node(MariaDB(self._shared, 1, reads_only=False), stage=Stage.SERVES)
        try:
            _begin(writer.server, user, password, database)
            addresses = Addresses(port)
        except BaseException:
            writer.server.stop()
            raise
        self.endpoint = addresses.endpoint
        self._roles = Roles(writer, addresses, self._shared)
        threading.Thread(
            target=Mending(self._roles).look_after, args=(self._ended,), name="aurora", daemon=True
        ).start()

    # --- what RDS asks for ---

    def add(self, instance: str, tier: int) -> Place:
        """Give an instance a server; the first one gets the one that is there."""
        roles = self._roles
        with roles.held():
            if not roles.writer.instance:
                roles.writer.instance, roles.writer.tier = instance, tier
                roles.lead()
                return roles.writer.server.place
            number = roles.next_number()
        node = Node(MariaDB(self._shared, number, reads_only=True), instance, tier)
        try:
            with roles.held():
                roles.nodes.append(node)
            self._wait(lambda: node.serves, START + CATCH_UP, f"The server of {instance} does not come up.")
        except OSError:
            with contextlib.suppress(ValueError):
                roles.nodes.remove(node)
            node.server.stop()
            raise
        with contextlib.suppress(OSError):
            self._wait(lambda: node.follows and roles.safe, CATCH_UP, "")
        return node.server.place

    def remove(self, instance: str) -> None:
        """Take an instance's server away; the last one keeps the cluster's data, and serves nobody."""
        deadline = time.monotonic() + CATCH_UP
        while True:
            try:
                self._remove(instance)
            except CannotFailOver:  # a reader that only starts will be able to
                if time.monotonic() > deadline or self._ended.wait(0.1):
                    raise
            else:
                return

    def _remove(self, instance: str) -> None:
        roles = self._roles
        with roles.held():
            node = roles.find(instance)
            if node is None:
                return
            if node is roles.writer:
                others = roles.others()
                if not others:
                    node.instance = ""
                    roles.lead()
                    return
                roles.plan(next(iter(roles.readers()), others[0]))
            roles.leave(node)
            roles.nodes.remove(node)
            with contextlib.suppress(pymysql.MySQLError):  # the next look asks again
                roles.require_acknowledgement()
        node.server.stop()

    def rank(self, tiers: dict[str, int]) -> None:
        """Take note of the instances' promotion tiers."""
        for node in list(self._roles.nodes):
            node.tier = tiers.get(node.instance, node.tier)

    def members(self) -> list[Member]:
        """Tell what there is; what is being done meanwhile is not waited for."""
        return self._roles.snapshot

    def fail_over(self, instance: str) -> None:
        """Let a reader write once it has all that the writer has; the writer comes back as a reader."""
        roles = self._roles
        with roles.held():
            node = roles.find(instance)
            if node is None or node is roles.writer:
                raise CannotFailOver("Cluster has no reader to fail over to.")
            roles.plan(node)

    def reboot(self, instance: str) -> None:
        """Start an instance's server again; a writer stays the writer, as on Aurora."""
        roles = self._roles
        with roles.held():
            node = roles.find(instance)
            if node is None:
                return
            if node is roles.writer:
                roles.safe = False  # nobody takes its place
            roles.leave(node)
            node.server.shut_down()
            node.launch(reads_only=node is not roles.writer)
        self._wait(lambda: node.serves, START + CATCH_UP, f"The server of {instance} does not come up.")

    def act(self, action: str) -> str:
        """Break something; the cluster finds out by itself."""
        if action not in ACTIONS:
            raise ValueError(f"an action is one of {', '.join(ACTIONS)}")
        roles = self._roles
        if action == "failover":
            try:
                with roles.held():
                    if not roles.readers():
                        raise CannotFailOver("the cluster has no reader to fail over to")
                    roles.plan(roles.readers()[0])
                    return roles.writer.instance
            except CannotFailOver as failed:
                raise ValueError(str(failed)) from failed
        node = roles.writer
        if action == "kill_reader":
            if not roles.readers():
                raise ValueError("the cluster has no reader")
            node = roles.readers()[0]
        ways = {"stop": node.server.shut_down, "freeze": node.server.freeze, "kill": node.server.kill}
        ways[action.partition("_")[0]]()
        return node.instance

    def set_password(self, user: str, password: str) -> None:
        """Change a user's password, and wait until the readers know it."""
        with self._roles.held():
            writer, readers = self._roles.writer.server, self._roles.readers()
            with writer.session(replication.SLOW) as cursor:
                cursor.execute("SET PASSWORD FOR %s@'%%' = PASSWORD(%s)", (user, password))
            at = replication.position(writer)
        for node in readers:
            with contextlib.suppress(pymysql.MySQLError):  # who does not answer gets it with all the rest
                replication.wait_for(node.server, at, HAND_OVER)

    def stop(self) -> None:
        """End everything and remove its files."""
        self._ended.set()
        held = self._roles.lock.acquire(timeout=TURN)
        try:
            self._roles.close()
            threads = [threading.Thread(target=node.server.stop) for node in self._roles.nodes]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            if held:
                self._roles.lock.release()

    def _wait(self, condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
        """Let the thread bring something about, without the lock. Raises OSError when it does not."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or self._ended.wait(0.02):
                raise OSError(otherwise)


def _begin(server: MariaDB, user: str, password: str, database: str) -> None:
    """Make the master user and the database, through the log, so that every server gets them."""
    with server.session(replication.SLOW) as cursor:
        cursor.execute("CREATE OR REPLACE USER %s@'%%' IDENTIFIED BY %s", (user, password))
        cursor.execute("GRANT ALL PRIVILEGES ON *.* TO %s@'%%' WITH GRANT OPTION", (user,))
        # Aurora's has neither: readers only read, whoever asks.
        cursor.execute("REVOKE SUPER, READ_ONLY ADMIN ON *.* FROM %s@'%%'", (user,))
        if database:
            cursor.execute("CREATE DATABASE IF NOT EXISTS `{}`".format(database.replace("`", "``")))
