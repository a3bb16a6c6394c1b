"""A machine that is a process, and its uWSGI: with datelog, or as the substitute for Apache."""

import os
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sanso_sandbox.backends import certificates
from sanso_sandbox.backends.loopback import Address
from sanso_sandbox.backends.machines import stand_ins
from sanso_sandbox.backends.machines.uwsgi import Service
from sanso_sandbox.engine.registry import Scope
from sanso_sandbox.protocols.machines import Instance

REPOSITORY = Path(__file__).resolve().parents[5]
_SOCKETS = {"http": "--http-socket", "uwsgi": "--uwsgi-socket"}
AUTHORITY = "database-ca.pem"
Resolve = Callable[[str, int], tuple[str, int]]  # returns the address of a load balancer's name and port


@dataclass(slots=True)
class Host:
    """A machine."""

    instance: Instance
    address: Address
    folder: Path
    service: Service | None = None
    kind: str = ""
    downloads: dict[str, bytes] = field(default_factory=dict)  # files of aws:downloadContent, by name
    lock: threading.Lock = field(default_factory=threading.Lock)
    gone: bool = False

    @property
    def instance_id(self) -> str:
        return self.instance.id

    @property
    def scope(self) -> Scope:
        return self.instance.scope

    @property
    def broken(self) -> Path:
        """The file that makes the web server answer every request with 500 while it exists."""
        return self.folder / "broken"


WEB_CONNECTIONS = 400
"""Requests that a web server handles at once, as Apache's MaxRequestWorkers: 16 processes of 25 threads.

With fewer, those that wait for an app server that hangs leave no thread for its own /healthz.
https://httpd.apache.org/docs/2.4/mod/mpm_common.html#maxrequestworkers
"""


def _common(name: str, timeout: int = 60) -> list[str]:
    return [
        *("--processes", "1", "--enable-threads", "--die-on-term", "--buffer-size", "32768"),
        *("--log-x-forwarded-for", "--disable-write-exception", "--socket-timeout", str(timeout)),
        *("--procname-prefix-spaced", name),
    ]


def app_service(host: Host, server: stand_ins.AppServer, release: Path | None) -> Service:
    """Return uWSGI with datelog and the variables that the playbook writes into the environment file.

    Args:
        release: the folder with the deployed datelog; without one, the repository's datelog is served.
    """
    address = host.address.host
    sockets = [(_SOCKETS[server.protocol], (address, host.address.port(server.port)))]
    options = [*_common(f"app {host.instance_id}"), "--max-apps", "1", "--route-run", "setmodifier1:0"]
    if server.health_port is not None:
        sockets.append(("--http-socket", (address, host.address.port(server.health_port))))
    options += ["--module", "datelog.wsgi", "--need-app", "--single-interpreter", "--threads", "2"]
    options += ["--virtualenv", sys.prefix]
    environment = {
        **server.environment,
        **host.instance.environment,
        "AWS_ENDPOINT_URL": f"http://{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}",
        "AWS_REGION": server.environment.get("AWS_REGION") or host.scope.region,
        **_verification(host, server),
        "MALLOC_ARENA_MAX": "1",
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(release or REPOSITORY),
    }
    return Service(
        options=options,
        environment=environment,
        log=host.folder / "uwsgi.log",
        sockets=tuple(sockets),
        confined_to=(release, host.folder / AUTHORITY) if release else (),
    )


def _verification(host: Host, server: stand_ins.AppServer) -> dict[str, str]:
    """Return the settings of the database's certificate authority, as the playbook writes them."""
    if server.environment.get("DB_TLS") != "verify" or server.environment.get("DB_TLS_CA"):
        return {}
    path = host.folder / AUTHORITY
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(certificates.authority().pem)
    return {"DB_TLS_CA": str(path)}


def web_service(host: Host, server: stand_ins.WebServer, resolve: Resolve) -> Service:
    """Return uWSGI in place of Apache: it forwards to the backend and serves its own paths; 500 if broken."""
    address, port = host.address.host, host.address.port(server.port)
    backend = resolve(*server.backend)
    options = _common(f"web {host.instance_id}", server.timeout)
    options += ["--threads", str(WEB_CONNECTIONS), "--threads-stacksize", "256"]
    options += ["--route-if", f"exists:{host.broken} break:500 Internal Server Error"]
    answer = host.folder / "ok.txt"
    answer.parent.mkdir(parents=True, exist_ok=True)
    answer.write_text("ok\n")
    for path in server.own_paths:
        exactly = f"^{re.escape(path)}$"
        options += ["--route", f"{exactly} donotlog:", "--route", f"{exactly} static:{answer}"]
    modifiers = ",0,0" if server.protocol == "uwsgi" else ""
    options += ["--route", f".* {server.protocol}:{backend[0]}:{backend[1]}{modifiers}"]
    return Service(
        options=options,
        environment={"PATH": os.environ.get("PATH", os.defpath)},
        log=host.folder / "access.log",
        sockets=(("--http-socket", (address, port)),),
    )
