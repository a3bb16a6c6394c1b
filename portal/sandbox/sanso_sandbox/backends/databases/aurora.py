"""A cluster of MariaDB servers that behaves like Aurora: one writes, the others follow and take over.

The first server is started with the cluster, like a cluster's storage, and is assigned to the first instance.
Requests are short or wait for the thread of reconciler.py, always with a timeout.
"""

import contextlib
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pymysql

from sanso_sandbox.backends import certificates
from sanso_sandbox.backends.databases import relays, replication
from sanso_sandbox.backends.databases.cluster_endpoints import ClusterEndpoints
from sanso_sandbox.backends.databases.data_copies import MariaDBCopy, copy_of
from sanso_sandbox.backends.databases.mariadb import START, MariaDB, Shared, template
from sanso_sandbox.backends.databases.nodes import Node, Stage
from sanso_sandbox.backends.databases.reconciler import CATCH_UP, ClusterReconciler
from sanso_sandbox.backends.databases.roles import HAND_OVER, TURN, Roles
from sanso_sandbox.protocols.databases import (
    ACTIONS,
    Address,
    CannotFailOver,
    DatabaseSettings,
    Endpoint,
    Member,
    Origin,
)


class Aurora:
    """A running cluster. Raises OSError if it cannot be started."""

    endpoint: Endpoint

    def __init__(self, base: Path, settings: DatabaseSettings) -> None:
        self._ended = threading.Event()
        addresses = self._addresses = ClusterEndpoints(settings.port, settings.endpoint_lag)
        self.endpoint = addresses.endpoint
        self._shared = Shared(base=base, endpoint=self.endpoint, parameters=settings.parameters)
        try:
            writer = Node(_first_server(self._shared, settings), stage=Stage.SERVES)
        except BaseException:
            addresses.close()
            raise
        self._roles = Roles(writer, addresses, self._shared)
        threading.Thread(
            target=ClusterReconciler(self._roles).run, args=(self._ended,), name="aurora", daemon=True
        ).start()

    def add(self, instance: str, tier: int) -> Address:
        """Give an instance a server; the first instance gets the existing one."""
        roles = self._roles
        with roles.held():
            if not roles.writer.instance:
                roles.writer.instance, roles.writer.tier = instance, tier
                roles.lead()
                return roles.writer.server.address
            number = roles.next_number()
        node = Node(MariaDB(self._shared, number, reads_only=True), instance, tier)
        try:
            with roles.held():
                roles.nodes.append(node)
            self._wait(lambda: node.serves, START + CATCH_UP, f"The server of {instance} does not start.")
        except OSError:
            with contextlib.suppress(ValueError):
                roles.nodes.remove(node)
            node.server.stop()
            raise
        with contextlib.suppress(OSError):
            self._wait(lambda: node.follows and roles.safe, CATCH_UP, "")
        return node.server.address

    def remove(self, instance: str) -> None:
        """Stop an instance's server; the last server keeps the cluster's data without an instance."""
        deadline = time.monotonic() + CATCH_UP
        while True:
            try:
                self._remove(instance)
            except CannotFailOver:  # a reader that is starting will be able to take over
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
                roles.fail_over_to(next(iter(roles.readers()), others[0]))
            roles.leave(node)
            roles.nodes.remove(node)
            with contextlib.suppress(pymysql.MySQLError):  # the reconciler does it again
                roles.require_acknowledgement()
        node.server.stop()

    def rank(self, tiers: dict[str, int]) -> None:
        """Store the instances' promotion tiers."""
        for node in list(self._roles.nodes):
            node.tier = tiers.get(node.instance, node.tier)

    def members(self) -> list[Member]:
        """Return the instances without waiting for changes in progress."""
        return self._roles.snapshot

    def keep_out(self, origins: Mapping[str, frozenset[Origin]]) -> None:
        """Give new connections from these origins no response; the endpoints do, servers have none of it."""
        servers = [(node.server.address, node.instance) for node in list(self._roles.nodes)]
        self._addresses.keep_out(
            {address: found for address, instance in servers if (found := origins.get(instance))}
        )

    def fail_over(self, instance: str) -> None:
        """Make a reader the writer once it has all of the writer's data; the writer returns as a reader."""
        roles = self._roles
        with roles.held():
            node = roles.find(instance)
            if node is None or node is roles.writer:
                raise CannotFailOver("Cluster has no reader to fail over to.")
            roles.fail_over_to(node)

    def reboot(self, instance: str) -> None:
        """Restart an instance's server; a writer stays the writer, as on Aurora."""
        roles = self._roles
        with roles.held():
            node = roles.find(instance)
            if node is None:
                return
            if node is roles.writer:
                roles.safe = False  # no reader may take over
            roles.leave(node)
            node.server.shut_down()
            node.launch(reads_only=node is not roles.writer)
        self._wait(lambda: node.serves, START + CATCH_UP, f"The server of {instance} does not start.")

    def act(self, action: str) -> str:
        """Cause a failure, which the reconciler detects and repairs."""
        if action not in ACTIONS:
            raise ValueError(f"an action is one of {', '.join(ACTIONS)}")
        roles = self._roles
        if action == "failover":
            try:
                with roles.held():
                    if not roles.readers():
                        raise CannotFailOver("the cluster has no reader to fail over to")
                    roles.fail_over_to(roles.readers()[0])
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
        """Change a user's password, and wait until the readers have replicated it."""
        with self._roles.held():
            writer, readers = self._roles.writer.server, self._roles.readers()
            with writer.session(replication.SLOW) as cursor:
                cursor.execute("SET PASSWORD FOR %s@'%%' = PASSWORD(%s)", (user, password))
            at = replication.position(writer)
        for node in readers:
            with contextlib.suppress(pymysql.MySQLError):  # a slower reader replicates it later
                replication.wait_for(node.server, at, HAND_OVER)

    def copy(self, before: int | None = None) -> MariaDBCopy:
        """Return a copy of everything that is committed now, or was before a second."""
        roles = self._roles
        with roles.held():
            number, writer = roles.next_number(), roles.writer.server
        return copy_of(writer, self._shared, number, before)

    def stop(self) -> None:
        """Stop all servers and remove their files."""
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
        """Wait for the reconciler without holding the lock. Raises OSError after the timeout."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or self._ended.wait(0.02):
                raise OSError(otherwise)


def _first_server(shared: Shared, settings: DatabaseSettings) -> MariaDB:
    source = settings.source
    if isinstance(source, MariaDBCopy):  # its log has the numbers of other servers
        return MariaDB(shared, source.numbers + 1, reads_only=False, source=source.folder)
    server = MariaDB(shared, 1, reads_only=False)
    try:
        _initialize(server, settings)
    except BaseException:
        server.stop()
        raise
    return server


def _initialize(server: MariaDB, settings: DatabaseSettings) -> None:
    """Create the master user and the database, through the log, so that every replica gets them."""
    with server.session(replication.SLOW) as cursor:
        cursor.execute("CREATE OR REPLACE USER %s@'%%' IDENTIFIED BY %s", (settings.user, settings.password))
        cursor.execute("GRANT ALL PRIVILEGES ON *.* TO %s@'%%' WITH GRANT OPTION", (settings.user,))
        # Aurora's master user has neither privilege: readers are read-only for every user.
        cursor.execute("REVOKE SUPER, READ_ONLY ADMIN ON *.* FROM %s@'%%'", (settings.user,))
        if settings.database:
            cursor.execute("CREATE DATABASE IF NOT EXISTS `{}`".format(settings.database.replace("`", "``")))


class MariaDBDatabases:
    """Databases on MariaDB servers."""

    name = "mariadb"

    def __init__(self) -> None:
        self.authority = certificates.authority().pem
        # The temporary folder is deleted with the process, as MiniStack's records are lost then too.
        self._folder = Path(tempfile.mkdtemp(prefix="databases-"))

    def prepare(self) -> None:
        """Create MariaDB's system tables in the background, which takes about a second."""
        threading.Thread(target=template, args=(self._folder,), name="mariadb-template", daemon=True).start()

    def start(self, settings: DatabaseSettings) -> Aurora:
        """Start a cluster's database and wait until it answers. Raises OSError."""
        return Aurora(self._folder, settings)

    def stop(self) -> None:
        """Stop the relays and remove the template of data folders."""
        with contextlib.suppress(OSError):
            template(self._folder)  # it may be in creation
        relays.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
