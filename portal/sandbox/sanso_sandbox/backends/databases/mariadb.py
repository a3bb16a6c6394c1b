"""A MariaDB server with its own data folder, address and TLS, as the writer or as a replica."""

import contextlib
import getpass
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
import pymysql.cursors

from sanso_sandbox.backends import certificates
from sanso_sandbox.backends.databases import binary_log
from sanso_sandbox.backends.databases.endpoints import choose_address
from sanso_sandbox.protocols.databases import Address, Endpoint
from sanso_sandbox.supervision.child import Child
from sanso_sandbox.supervision.programs import program

START = 60.0  # seconds
STOP = 15.0
RESPONSE = 3.0
TRIES = 3
ADMIN = "rdsadmin"
REPLICATOR = "rdsrepladmin"
# Aurora's cluster parameters with the same meaning in MariaDB.
PASSED_ON = frozenset(
    {
        *("character_set_server", "collation_server", "connect_timeout", "innodb_lock_wait_timeout"),
        *("interactive_timeout", "long_query_time", "max_allowed_packet", "max_connections"),
        *("net_read_timeout", "net_write_timeout", "require_secure_transport", "sql_mode", "time_zone"),
        *("tx_isolation", "wait_timeout"),
    }
)
SMALL = (
    "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=4M",
    "--innodb-undo-tablespaces=0",
    "--innodb-flush-log-at-trx-commit=2",  # commits survive the process; they need not survive the machine
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=1M",
    "--performance-schema=OFF",
    "--skip-name-resolve",
)
# A replica is built from the log alone, so the log is kept complete. A commit is acknowledged once a replica
# has it in its own log (replication.py turns this on).
REPLICATING = (
    f"--log-bin={binary_log.NAME}",
    "--log-slave-updates",
    "--binlog-format=ROW",
    "--sync-binlog=0",
    "--relay-log=relay",
    "--skip-slave-start",
    "--slave-net-timeout=4",
    "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
    "--rpl-semi-sync-master-timeout=20000",  # longer than the reconciler's reaction time
)

_template_lock = threading.Lock()

Rows = tuple[dict[str, Any], ...]


class ServerStartFailed(OSError):
    """mariadbd ended or did not become ready; the message contains the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The properties that all servers of a cluster share."""

    base: Path
    endpoint: Endpoint
    parameters: dict[str, str]
    admin_password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    replicator_password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


def template(base: Path) -> Path:
    """Create a data folder with MariaDB's system tables, once, as the template for each server."""
    path = base / "template"
    with _template_lock:
        if not path.exists():
            unfinished = base / "template.unfinished"
            command = [program("mariadb-install-db") or "mariadb-install-db", "--no-defaults"]
            command += [f"--datadir={unfinished}", f"--user={getpass.getuser()}", "--skip-test-db"]
            command += ["--auth-root-authentication-method=normal", "--innodb-log-file-size=4M"]
            # Not the shared temporary folder: a starting server deletes others' files from there.
            command.append(f"--tmpdir={base}")
            done = subprocess.run(
                [*command, "--innodb-undo-tablespaces=0"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise ServerStartFailed(
                    f"mariadb-install-db failed: {done.stdout[-1000:]}{done.stderr[-1000:]}"
                )
            unfinished.rename(path)
    return path


class MariaDB:
    """A server's process and data. Raises ServerStartFailed if it cannot be started."""

    address: Address

    def __init__(self, shared: Shared, number: int, *, reads_only: bool, source: Path | None = None) -> None:
        self.number = number
        self._shared = shared
        self._folder = shared.base / secrets.token_hex(6)
        self._lock = threading.Lock()
        self._connection: pymysql.Connection[pymysql.cursors.DictCursor] | None = None
        self._child: Child | None = None
        self._ended = False
        try:
            self.clear(number, source)
            for attempt in range(1, TRIES + 1):
                self.address = choose_address(shared.endpoint.port)
                try:
                    self.start(reads_only=reads_only)
                except ServerStartFailed:
                    if attempt == TRIES:
                        raise
                else:
                    break
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def clear(self, number: int, source: Path | None = None) -> None:
        """Reset a server that does not run to its initial data, or to the data in a folder.

        Its number must be a new one, since a replica ignores transactions of its own number.
        """
        self.number = number
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(source or template(self._shared.base), self._folder / "data")
        first = self._folder / "first.sql"
        first.touch(mode=0o600)
        first.write_text(self._first_statements(keeps_users=source is not None))

    def _first_statements(self, *, keeps_users: bool) -> str:
        """Return the statements that replace MariaDB's own users with the cluster's, unlogged, one a line."""
        shared = self._shared
        deletion = "DELETE FROM mysql.global_priv WHERE User IN ('', 'root')"
        statements = ["SET SESSION sql_log_bin=0", *([] if keeps_users else [deletion]), "FLUSH PRIVILEGES"]
        for name, secret, granted in (
            (ADMIN, shared.admin_password, "ALL PRIVILEGES"),
            (REPLICATOR, shared.replicator_password, "REPLICATION SLAVE"),
        ):
            statements.append(f"CREATE OR REPLACE USER '{name}'@'%' IDENTIFIED BY '{secret}'")
            statements.append(f"GRANT {granted} ON *.* TO '{name}'@'%' WITH GRANT OPTION")
        return ";\n".join(statements) + ";\n"

    def start(self, *, reads_only: bool) -> None:
        """Start the process on the server's address and wait until it responds."""
        self.launch(reads_only=reads_only)
        deadline = time.monotonic() + START
        while not self.answers():
            if time.monotonic() > deadline or not self.running():
                self.kill()
                raise ServerStartFailed(
                    f"mariadbd did not start on {self.address[0]}:{self.address[1]}:\n{self.tail()}"
                )
            time.sleep(0.03)

    def launch(self, *, reads_only: bool) -> None:
        """Start the process without waiting."""
        if self._ended:
            raise ServerStartFailed("The server was stopped for good.")
        self._write_certificate()
        first = self._folder / "first.sql"
        command = self._command(first if first.exists() else None, reads_only)
        self._child = Child(command, log=self._folder / "server.log")
        self._child.start()

    def _write_certificate(self) -> None:
        """Write key and certificate for its own address and for the cluster's endpoints."""
        endpoint = self._shared.endpoint
        addresses = [self.address[0], endpoint.writer, endpoint.reader]
        key, certificate = certificates.authority().issue(addresses, "Sanso sandbox database")
        (self._folder / "server.key").touch(mode=0o600)
        (self._folder / "server.key").write_bytes(key)
        (self._folder / "server.pem").write_bytes(certificate)

    def answers(self) -> bool:
        """Return whether the process responds to queries."""
        try:
            self.query("SELECT 1")
        except pymysql.MySQLError:
            return False
        (self._folder / "first.sql").unlink(missing_ok=True)
        return True

    def tail(self) -> str:
        """Return the end of the server's log."""
        return self._child.tail() if self._child else ""

    def _command(self, first: Path | None, reads_only: bool) -> list[str]:
        given = [
            f"--{name.replace('_', '-')}={value}"
            for name, value in self._shared.parameters.items()
            if name in PASSED_ON
        ]
        return [
            program("mariadbd") or "mariadbd",
            "--no-defaults",
            f"--user={getpass.getuser()}",
            f"--datadir={self._folder / 'data'}",
            f"--tmpdir={self._folder}",
            *([f"--init-file={first}"] if first else []),
            f"--bind-address={self.address[0]}",
            f"--port={self.address[1]}",
            "--socket=server.sock",  # below the data folder; an absolute path may be too long for a socket
            f"--pid-file={self._folder / 'server.pid'}",
            f"--ssl-cert={self._folder / 'server.pem'}",
            f"--ssl-key={self._folder / 'server.key'}",
            "--character-set-server=utf8mb4",
            "--default-time-zone=+00:00",
            f"--server-id={self.number}",
            f"--read-only={'ON' if reads_only else 'OFF'}",
            *REPLICATING,
            *SMALL,
            *given,
        ]

    def running(self) -> bool:
        """Return whether the process runs."""
        return self._child is not None and self._child.running()

    @contextlib.contextmanager
    def session(self, timeout: float = RESPONSE) -> Iterator[pymysql.cursors.DictCursor]:
        """Open a separate connection of the administrator with this timeout for responses."""
        with contextlib.closing(self._connect(timeout)) as connection, connection.cursor() as cursor:
            yield cursor

    def query(self, sql: str, *arguments: object) -> Rows:
        """Run a statement on the permanent connection within RESPONSE seconds. Raises MySQLError."""
        with self._lock:
            try:
                self._connection = self._connection or self._connect(RESPONSE)
                with self._connection.cursor() as cursor:
                    cursor.execute(sql, arguments or None)
                    return tuple(cursor.fetchall())
            except BaseException:
                self._disconnect()
                raise

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(pymysql.MySQLError, OSError):
                connection.close()

    def _connect(self, timeout: float) -> "pymysql.Connection[pymysql.cursors.DictCursor]":
        return pymysql.connect(
            host=self.address[0],
            port=self.address[1],
            user=ADMIN,
            password=self._shared.admin_password,
            connect_timeout=2,
            read_timeout=timeout,
            write_timeout=timeout,
            autocommit=True,
            cursorclass=pymysql.cursors.DictCursor,
            ssl={},
        )

    def kill(self) -> None:
        """Kill the process at once, also while it is frozen."""
        if self._child is not None:
            self._child.kill()

    def freeze(self) -> None:
        """Freeze the process: it stays but does not respond."""
        if self._child is not None:
            self._child.freeze()

    def shut_down(self) -> None:
        """Stop the process gracefully; the data stays."""
        if self._child is not None:
            self._child.stop(STOP)

    def last_before(self, second: int) -> str:
        """Return the GTID of the last transaction in its log before a second; "" if there is none."""
        return binary_log.last_before(self._folder / "data", second)

    def give_data(self, folder: Path) -> None:
        """Stop the server permanently, and move its data to a folder that does not exist. Raises OSError."""
        self._ended = True
        self.shut_down()
        (self._folder / "data").rename(folder)

    def stop(self) -> None:
        """Stop the server permanently, in any state, and remove its data."""
        self._ended = True
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
