"""The measured services: durable database servers, app servers, Apache, a substitute for the NLB."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sanso_sandbox.backends.balancers import haproxy
from tests.datelog.servers import DATABASE, Cluster, start_app_server, start_cluster
from tests.infra.web_server import apache_configuration, load_modules
from tests.mariadb import MariaDB
from tests.services import LOOPBACK, Service, find_program, free_port

HERE = Path(__file__).parent
ROWS = {"hundred": 100, "thousand": 1_000, "ten_thousand": 10_000, "million": 1_000_000}
SEQUENCE = "SELECT '2022-11-06 03:01:47' + INTERVAL seq * 7 SECOND FROM seq_1_to_"
# wrk counts a response without a length as an error if the connection stays open
CLOSE = ("--add-header", "Connection: close")
# the writer flushes each commit to disk before it acknowledges it; the reader may lag behind
DURABLE = ("--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1")
COMMON = ("--performance-schema=OFF", "--max-connections=400", "--innodb-buffer-pool-size=512M")


@dataclass(kw_only=True)
class Stack:
    """All running services."""

    folder: Path
    cluster: Cluster
    services: list[Service] = field(default_factory=list)

    def datelog(self, table: str, *options: str) -> Service:
        """Start datelog with the settings of the playbook."""
        return self._keep(
            start_app_server(
                self.folder / f"datelog-{table}-{len(self.services)}",
                self.cluster.environment() | {"DB_TABLENAME": table},
                *CLOSE,
                *options,
            )
        )

    def empty(self) -> Service:
        """Start the empty view with the settings of datelog."""
        options = ("--module", "tests.benchmarks.datelog_empty", *CLOSE)
        server = self.folder / "empty"
        return self._keep(start_app_server(server, self.cluster.environment(), *options, health="/read"))

    def original(self, table: str, python: Path, environment: Mapping[str, str] | None = None) -> Service:
        """Start the original's behavior with its settings: one process, no thread."""
        port = free_port()
        name = f"original-{table}-{len(self.services)}"
        server = Service(
            command=[
                str(python.with_name("uwsgi")),
                *("--master", "--http-socket", f"{LOOPBACK}:{port}", "--pythonpath", str(HERE)),
                *("--module", "datelog_original", "--die-on-term", "--need-app", *CLOSE),
            ],
            folder=self.folder / name,
            port=port,
            answers=lambda: accepts(port),
            environment=self.cluster.environment() | {"DB_TABLENAME": table} | dict(environment or {}),
        )
        server.start()
        return self._keep(server)

    def apache(self, protocol: str, app_port: int) -> Service:
        """Start Apache with the settings of the web servers' association, and a TCP balancer behind it."""
        balancer_port, port = free_port(), free_port()
        folder = self.folder / f"apache-{port}"
        folder.mkdir()
        (folder / "haproxy.cfg").write_text(
            "defaults\n mode tcp\n timeout connect 3s\n timeout client 350s\n timeout server 350s\n"
            f"frontend nlb\n bind {LOOPBACK}:{balancer_port}\n default_backend app\n"
            f"backend app\n server one {LOOPBACK}:{app_port}\n"
        )
        balancer = Service(
            command=[haproxy.program() or find_program("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")],
            folder=folder / "haproxy",
            port=balancer_port,
            answers=lambda: accepts(balancer_port),
        )
        balancer.start()
        self._keep(balancer)
        values = {
            "AppProtocol": protocol,
            "EnvironmentName": "bench",
            "NlbDnsName": LOOPBACK,
            "UwsgiPort": str(balancer_port),
            "VpcCidr": "127.0.0.0/16",
        }
        server = apache_configuration(values, folder).replace("*:80>", f"*:{port}>")
        main = APACHE.format(folder=folder, port=port, modules="\n".join(load_modules()))
        (folder / "httpd.conf").write_text(f"{main}\n{server}\n")
        apache = Service(
            command=[find_program("apache2", "httpd"), "-DFOREGROUND", "-f", str(folder / "httpd.conf")],
            folder=folder / "log",
            port=port,
            answers=lambda: accepts(port),
        )
        apache.start()
        return self._keep(apache)

    def stop(self) -> None:
        """Stop all services, the last started one first."""
        for service in [*reversed(self.services), self.cluster.reader, self.cluster.writer]:
            service.stop()

    def _keep(self, service: Service) -> Service:
        self.services.append(service)
        return service


APACHE = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/httpd.pid
Listen 127.0.0.1:{port}
User www-data
Group www-data
{modules}
TypesConfig /dev/null
ErrorLog {folder}/error.log
LogFormat "%h %l %u %t \\"%r\\" %>s %b" common
"""


def accepts(port: int) -> bool:
    """Return whether a process accepts connections on this port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def start_stack(folder: Path) -> Stack:
    """Start the database servers and fill the tables, with datelog's columns and with the original's."""
    cluster = start_cluster(folder)
    _restart(cluster.writer, *COMMON, *DURABLE)
    _restart(cluster.reader, *COMMON)
    for name, rows in ROWS.items():
        cluster.run(
            f"CREATE TABLE {name} (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, dt DATETIME NOT NULL, "
            f"KEY dt (dt, id)); INSERT INTO {name} (dt) {SEQUENCE}{rows};"
            f"CREATE TABLE {name}_original (dt DATETIME); INSERT INTO {name}_original {SEQUENCE}{rows}"
        )
    cluster.run("CREATE TABLE saved LIKE hundred; CREATE TABLE saved_original (dt DATETIME)")
    cluster.writer.execute(f"ANALYZE TABLE {DATABASE}.hundred, {DATABASE}.ten_thousand, {DATABASE}.million")
    cluster.writer.execute("ALTER USER datelog@'%' REQUIRE NONE")  # for the original without TLS
    cluster.wait_for_reader()
    return Stack(folder=folder, cluster=cluster)


def _restart(server: MariaDB, *options: str) -> None:
    server.stop()
    server.command = [*server.command, *options]
    server.start()


def make_original_environment(folder: Path) -> Path:
    """Install the packages of the original into a separate environment; return its Python."""
    uv = Path(sys.prefix) / ".uv/bin/uv"
    subprocess.run([uv, "venv", "-q", folder], check=True)
    packages = ("flask", "mysql-connector-python", "pyuwsgi")
    python = folder / "bin/python"
    subprocess.run([uv, "pip", "install", "-q", "--system-certs", "--python", python, *packages], check=True)
    return python
