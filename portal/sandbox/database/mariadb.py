"""A MariaDB server of a cluster's own: private data folder, two loopback addresses, TLS of its own."""

import contextlib
import getpass
import secrets
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import pymysql

from portal.sandbox.database import leash
from portal.sandbox.database.endpoints import Endpoint, choose

START = 60.0  # seconds
STOP = 15.0
TRIES = 3
ADMIN = "rdsadmin"
# Cluster parameters of Aurora's that mean the same to MariaDB.
PASSED_ON = frozenset(
    {
        *("character_set_server", "collation_server", "connect_timeout", "innodb_lock_wait_timeout"),
        *(
            "interactive_timeout",
            "long_query_time",
            "max_allowed_packet",
            "max_connections",
            "net_read_timeout",
        ),
        *(
            "net_write_timeout",
            "require_secure_transport",
            "sql_mode",
            "time_zone",
            "tx_isolation",
            "wait_timeout",
        ),
    }
)
SMALL = (
    "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=4M",
    "--innodb-undo-tablespaces=0",
    "--innodb-flush-log-at-trx-commit=2",
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=1M",
    "--performance-schema=OFF",
    "--skip-log-bin",
    "--skip-name-resolve",
)

_template_lock = threading.Lock()


class StartFailed(OSError):
    """mariadbd ended or stayed silent; the message has the end of its log."""


def template(base: Path) -> Path:
    """Make, once, a data folder with MariaDB's system tables, to be copied for each cluster."""
    from portal.sandbox.database.clusters import program

    path = base / "template"
    with _template_lock:
        if not path.exists():
            unfinished = base / "template.unfinished"
            command = [program("mariadb-install-db") or "mariadb-install-db", "--no-defaults"]
            command += [f"--datadir={unfinished}", f"--user={getpass.getuser()}", "--skip-test-db"]
            command += ["--auth-root-authentication-method=normal", "--innodb-log-file-size=4M"]
            done = subprocess.run(
                [*command, "--innodb-undo-tablespaces=0"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise StartFailed(f"mariadb-install-db failed: {done.stdout[-1000:]}{done.stderr[-1000:]}")
            unfinished.rename(path)
    return path


class MariaDB:
    """A running server. Raises StartFailed when it cannot be started."""

    endpoint: Endpoint

    def __init__(
        self, base: Path, *, port: int, user: str, password: str, database: str, parameters: dict[str, str]
    ) -> None:
        self._folder = base / secrets.token_hex(6)
        self._admin_password = secrets.token_urlsafe(24)
        shutil.copytree(template(base), self._folder / "data")
        first = self._folder / "first.sql"
        first.touch(mode=0o600)
        first.write_text(self._first_statements(user, password, database))
        try:
            self._start(port, parameters)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        first.unlink()

    def _first_statements(self, user: str, password: str, database: str) -> str:
        """Lock out whom MariaDB knows by itself, let in the master user and our own; a statement a line."""
        statements = ["DELETE FROM mysql.global_priv WHERE User IN ('', 'root')", "FLUSH PRIVILEGES"]
        for name, secret in ((ADMIN, self._admin_password), (user, password)):
            identity = f"{_quoted(name)}@'%'"
            statements.append(f"CREATE OR REPLACE USER {identity} IDENTIFIED BY {_quoted(secret)}")
            statements.append(f"GRANT ALL PRIVILEGES ON *.* TO {identity} WITH GRANT OPTION")
        if database:
            statements.append(f"CREATE DATABASE IF NOT EXISTS `{database.replace('`', '``')}`")
        return ";\n".join(statements) + ";\n"

    def _start(self, port: int, parameters: dict[str, str]) -> None:
        for attempt in range(1, TRIES + 1):
            self.endpoint = choose(port)
            self._log = (self._folder / "server.log").open("ab")
            self._process = _run(self._command(parameters), self._log)
            try:
                self._wait_until_it_answers()
            except StartFailed:
                self._end()
                if attempt == TRIES:
                    raise
            else:
                return

    def _command(self, parameters: dict[str, str]) -> list[str]:
        from portal.sandbox.database.clusters import program

        addresses = dict.fromkeys((self.endpoint.writer, self.endpoint.reader))
        given = [
            f"--{name.replace('_', '-')}={value}" for name, value in parameters.items() if name in PASSED_ON
        ]
        return [
            program("mariadbd") or "mariadbd",
            "--no-defaults",
            f"--user={getpass.getuser()}",
            f"--datadir={self._folder / 'data'}",
            f"--init-file={self._folder / 'first.sql'}",
            f"--bind-address={','.join(addresses)}",
            f"--port={self.endpoint.port}",
            "--socket=server.sock",  # below the data folder; an absolute path may be too long for a socket
            f"--pid-file={self._folder / 'server.pid'}",
            "--character-set-server=utf8mb4",
            "--default-time-zone=+00:00",
            *SMALL,
            *given,
        ]

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                self._connect().close()
            except pymysql.MySQLError:
                time.sleep(0.03)
            else:
                return
        tail = (self._folder / "server.log").read_text(errors="replace")[-2000:]
        raise StartFailed(f"mariadbd did not start on {self.endpoint.writer}:{self.endpoint.port}:\n{tail}")

    def _connect(self) -> "pymysql.Connection[pymysql.cursors.Cursor]":
        return pymysql.connect(
            host=self.endpoint.writer,
            port=self.endpoint.port,
            user=ADMIN,
            password=self._admin_password,
            connect_timeout=5,
            ssl={},
        )

    def set_password(self, user: str, password: str) -> None:
        """Change a user's password. Raises pymysql.MySQLError when there is no such user."""
        with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SET PASSWORD FOR %s@'%%' = PASSWORD(%s)", (user, password))

    def stop(self) -> None:
        """End the server and remove its data."""
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def _run(command: list[str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-I", "-S", leash.__file__, *command],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,  # Ctrl-C in the terminal is the sandbox's to handle
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
