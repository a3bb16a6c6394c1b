"""The servers of datelog's tests: a writer, a reader that replicates it, and uWSGI with datelog."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pymysql

from tests.mariadb import MariaDB
from tests.prepared import start_installed
from tests.services import LIMIT, LOOPBACK, REPOSITORY, Service, free_port, wait_until

INI = REPOSITORY / "playbook/files/uwsgi.ini"
DATABASE = "datelog"
USER = "datelog"
PASSWORD = "first-Password"

# As in infra_templates/aurora.yaml: test_table.py compares them.
TABLE = (
    "CREATE TABLE datelog (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, dt DATETIME NOT NULL, "
    "KEY dt (dt, id))"
)


@dataclass(kw_only=True)
class Cluster:
    """A writer and a reader that replicates it, like Aurora's two endpoints."""

    writer: MariaDB
    reader: MariaDB

    def environment(self) -> dict[str, str]:
        """Return the variables of the environment file for this cluster.

        Its time-outs are for tests: on a busy machine a query may take longer than datelog's default of 5 s,
        and a browser does not retry a page.
        """
        return {
            "DB_CONNECT_TIMEOUT": "30",
            "DB_NAME": DATABASE,
            "DB_PASSWORD": PASSWORD,
            "DB_QUERY_TIMEOUT": "30",
            "DB_READ_ENDPOINT_ADDRESS": f"{LOOPBACK}:{self.reader.port}",
            "DB_TABLENAME": "datelog",
            "DB_USER": USER,
            "DB_WRITE_ENDPOINT_ADDRESS": f"{LOOPBACK}:{self.writer.port}",
            "MYSQL_PORT": "3306",
        }

    def run(self, sql: str) -> str:
        """Run SQL in datelog's database at the writer and return its output."""
        return self.writer.execute(f"USE {DATABASE}; {sql}")

    def fill(self, *times: str) -> None:
        """Insert these times and wait until the reader has them."""
        if times:
            rows = ",".join(f"('{text}')" for text in times)
            self.run(f"INSERT INTO datelog (dt) VALUES {rows}")
        self.wait_for_reader()

    def rows(self) -> int:
        """Return the number of rows at the writer."""
        return int(self.run("SELECT COUNT(*) FROM datelog"))

    def wait_for_reader(self) -> None:
        """Wait until the reader has everything that the writer has."""
        position = self.writer.execute("SELECT @@gtid_binlog_pos").strip()
        done = self.reader.execute(f"SELECT MASTER_GTID_WAIT('{position}', 30)").strip()
        assert done == "0", "the reader did not catch up within 30 s"

    def follow(self) -> None:
        """Start the replication from the writer to the reader."""
        self.reader.execute(
            f"CHANGE MASTER TO MASTER_HOST='{LOOPBACK}', MASTER_PORT={self.writer.port}, "
            "MASTER_USER='follower', MASTER_PASSWORD='follower', MASTER_USE_GTID=slave_pos, MASTER_SSL=0, "
            "MASTER_CONNECT_RETRY=1; START SLAVE"
        )


def start_cluster(folder: Path) -> Cluster:
    """Start both servers and create datelog's database and user."""
    cluster = Cluster(
        writer=_start(folder / "writer", "--server-id=1"),
        reader=_start(folder / "reader", "--server-id=2", "--read-only"),
    )
    cluster.follow()
    cluster.writer.execute(
        "CREATE USER follower@'%' IDENTIFIED BY 'follower'; GRANT REPLICATION SLAVE ON *.* TO follower@'%';"
        f"CREATE DATABASE {DATABASE}; CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL;"
        f"GRANT SELECT, INSERT ON {DATABASE}.* TO {USER}@'%'"
    )
    cluster.wait_for_reader()
    return cluster


def _start(folder: Path, *options: str) -> MariaDB:
    server = start_installed(folder)
    server.stop()
    binlog = ("--log-bin=binlog", "--binlog-format=ROW", "--log-slave-updates", "--slave-net-timeout=4")
    server.command = [*server.command, *binlog, *options]
    server.start()
    return server


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> object:
        return json.loads(self.body)


@dataclass(kw_only=True)
class AppServer(Service):
    """uWSGI with datelog and the playbook's settings: HTTP at `port`, uWSGI's protocol at `uwsgi_port`."""

    uwsgi_port: int
    runtime: Path = field(default_factory=Path)
    stop_timeout: float = 2.0  # a worker that has not loaded the app yet ignores signals

    def get(self, path: str, **headers: str) -> Response:
        """Send a GET request; header names are written with underscores."""
        return self.request("GET", path, **headers)

    def request(self, method: str, path: str, **headers: str) -> Response:
        """Send a request and return its response."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=LIMIT)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, headers=names)
            response = connection.getresponse()
            return Response(status=response.status, headers=dict(response.getheaders()), body=response.read())
        finally:
            connection.close()

    def wait_for_workers(self) -> None:
        """Wait until both workers have loaded the app; before that they ignore signals."""
        wait_until(lambda: self.log.read_text().count("WSGI app 0 ") >= 2, what="both workers")

    def workers(self) -> list[int]:
        """Return the process ids of the running workers, from the stats socket."""
        with socket.socket(socket.AF_UNIX) as stats:
            stats.settimeout(10)
            stats.connect(str(self.runtime / "stats.sock"))
            text = b"".join(iter(lambda: stats.recv(65536), b""))
        return [worker["pid"] for worker in json.loads(text)["workers"] if worker["pid"]]


def start_app_server(
    folder: Path,
    environment: Mapping[str, str],
    *options: str,
    code: Path = REPOSITORY,
    health: str = "/healthz",
) -> AppServer:
    """Start uWSGI with the playbook's settings and more options, and wait until `health` returns 200."""
    runtime = folder / "run"
    runtime.mkdir(parents=True)
    port, uwsgi_port = free_port(), free_port()
    server = AppServer(
        command=[
            str(Path(sys.executable).with_name("uwsgi")),
            *("--ini", str(INI), "--socket", f"{LOOPBACK}:{uwsgi_port}"),
            *("--http-socket", f"{LOOPBACK}:{port}", "--pythonpath", str(code), "--processes", "2"),
            *options,
        ],
        folder=folder,
        port=port,
        uwsgi_port=uwsgi_port,
        runtime=runtime,
        answers=lambda: _answers(port, health),
        # the last two are from the unit
        environment={
            **_clean(),
            **environment,
            "RUNTIME_DIRECTORY": str(runtime),
            "MALLOC_ARENA_MAX": "1",
        },
    )
    server.start()
    return server


def _clean() -> dict[str, str]:
    """Return variables that clear those of the developer and of the portal: datelog has defaults."""
    names = (name for name in os.environ if name.startswith(("DB_", "DATELOG_", "MYSQL_")))
    return dict.fromkeys(names, "") | {"DJANGO_SETTINGS_MODULE": "datelog.settings"}


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def run_in_datelog(code: str, environment: Mapping[str, str]) -> str:
    """Run Python code with datelog's Django settings and return its output."""
    env = {**os.environ, **_clean(), **environment, "DJANGO_SETTINGS_MODULE": "datelog.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def connect(server: MariaDB) -> pymysql.Connection[pymysql.cursors.Cursor]:
    """Connect to datelog's database as root."""
    return pymysql.connect(host=LOOPBACK, port=server.port, user="root", database=DATABASE, autocommit=True)
