"""Machines that are plain processes: an instance has an address of its own and a server that stands in.

The commands of an association are read, not executed: uWSGI serves the repository's datelog where a playbook
would install it, and stands in for Apache, with the same paths and backend.
"""

import json
import logging
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal.sandbox.backends import certificates
from portal.sandbox.backends.loopback import INSTANCES, Address
from portal.sandbox.backends.machines import health_checks, stand_ins
from portal.sandbox.backends.machines.uwsgi import Service, StartFailed
from portal.sandbox.engine.registry import Scope
from portal.sandbox.protocols.machines import FAILED, Cloud, Instance, Outcome, Probe, Step

logger = logging.getLogger(__name__)

REPOSITORY = Path(__file__).resolve().parents[4]
_SOCKETS = {"http": "--http-socket", "uwsgi": "--uwsgi-socket"}
NAMES = {stand_ins.AppServer: "uwsgi", stand_ins.WebServer: "httpd"}
Resolve = Callable[[str, int], tuple[str, int]]  # where a load balancer's name and port lead


@dataclass(slots=True)
class Host:
    """One machine."""

    instance: Instance
    address: Address
    folder: Path
    service: Service | None = None
    kind: str = ""
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
        """The file whose presence makes the web server answer everything with 500."""
        return self.folder / "broken"


class Processes:
    """Instances that are processes. One that no association has configured serves nothing."""

    name = "processes"
    description = (
        "each instance is a process: uWSGI serves datelog and stands in for Apache, associations "
        "are read and not executed, health checks are really made"
    )
    checks_are_real = True
    setup_timeout = 0.0
    signals_itself = False
    api_address = ""

    def __init__(self, cloud: Cloud, resolve: Resolve) -> None:
        self._cloud, self._resolve = cloud, resolve
        self._lock = threading.Lock()
        self._hosts: dict[str, Host] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="machines-"))

    def launch(self, instance: Instance) -> None:
        """Give the machine its address."""
        with self._lock:
            if instance.id not in self._hosts:
                self._hosts[instance.id] = Host(instance, Address(INSTANCES), self._folder / instance.id)

    def is_up(self, instance_id: str) -> bool:
        """A machine without an operating system is up at once."""
        return self._find(instance_id) is not None

    def _find(self, instance_id: str) -> Host | None:
        with self._lock:
            return self._hosts.get(instance_id)

    def terminate(self, instance_id: str) -> None:
        """End the machine's process in the background; its port refuses connections from now on, or soon."""
        with self._lock:
            host = self._hosts.pop(instance_id, None)
        if host is not None:
            threading.Thread(target=_end, args=(host,), name=f"end-{instance_id}").start()

    def stop(self) -> None:
        """End every machine and wait for it."""
        with self._lock:
            hosts, self._hosts = list(self._hosts.values()), {}
        threads = [threading.Thread(target=_end, args=(host,)) for host in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run_commands(self, instance_id: str, commands: list[str]) -> Outcome:
        """Print the commands: nothing is there to run them."""
        lines = "".join(f"$ {command}\n" for command in commands)
        return Outcome(
            exit_code=0,
            stdout=f"Simulated run: {instance_id} is a process, which has no stand-in for these commands; "
            f"none was executed.\n{lines}",
        )

    def run_step(self, instance_id: str, step: Step) -> Outcome:
        """Configure the server that stands in; the repository has what would be downloaded."""
        host = self._find(instance_id)
        if host is None:
            return Outcome(exit_code=1, stdout="", stderr=f"{instance_id} is not running.\n")
        if step.plugin == "aws:runShellScript":
            found = stand_ins.of(self._cloud.tags_of(host.instance), step)
            if found is not None:
                return _configure(host, found, self._resolve)
            commands = step.inputs.get("runCommand") or []
            return self.run_commands(instance_id, [commands] if isinstance(commands, str) else commands)
        return Outcome(
            exit_code=0,
            stdout=f"Process stand-in: {step.plugin} did nothing, the repository's own files are used in "
            f"place of {json.dumps(step.inputs)}.\n",
        )

    def check(
        self, instance_id: str, protocol: str, port: int, path: str, matcher: str, timeout: float = 5.0
    ) -> Probe:
        """Make the check on the machine's address."""
        address = self.address_of(instance_id, port)
        if address is None:
            return FAILED
        return health_checks.check(*address, protocol=protocol, path=path, matcher=matcher, timeout=timeout)

    def address_of(self, instance_id: str, port: int) -> tuple[str, int] | None:
        """Return the address and port behind a port of the machine."""
        host = self._find(instance_id)
        return None if host is None else (host.address.host, host.address.port(port))

    def association_targeted(self, instance_id: str, association: str) -> None:
        """Do nothing: health checks see what is missing."""

    def association_ended(self, instance_id: str, association: str, success: bool) -> None:
        """Do nothing: health checks see what it did."""

    def scope_of(self, instance_id: str) -> Scope:
        """Return the account and region of the machine. Raises KeyError when there is none."""
        with self._lock:
            return self._hosts[instance_id].scope

    def describe(self, account: str | None) -> list[dict[str, Any]]:
        """Describe the machines, for the control API."""
        with self._lock:
            hosts = [host for host in self._hosts.values() if account in (None, host.scope.account)]
        return [_shape(host) for host in hosts]

    def log(self, instance_id: str) -> str:
        """Return the end of the log of the machine's process. Raises KeyError for an unknown machine."""
        with self._lock:
            service = self._hosts[instance_id].service
        return service.tail(1000) if service is not None else ""

    def act(self, instance_id: str, action: str) -> dict[str, Any]:
        """Kill the machine's process, or stop, start, break or repair its service.

        Raises KeyError for an unknown machine and ValueError when it has no service, or none that can do so.
        """
        with self._lock:
            host = self._hosts[instance_id]
        service = host.service
        if service is not None:
            actions: dict[str, Callable[[], None]] = {
                "kill": service.kill,
                "stop-service": service.stop,
                "start-service": service.start,
                "break-service": lambda: _break(host),
                "repair-service": lambda: host.broken.unlink(missing_ok=True),
            }
            actions[action]()
        elif action != "kill":
            raise ValueError(f"{instance_id} has no service: no association has configured it yet")
        return _shape(host)


def _break(host: Host) -> None:
    if host.kind != NAMES[stand_ins.WebServer]:
        raise ValueError(f"{host.instance_id} is no web server: only those can be made to answer 500")
    host.broken.touch()


def _shape(host: Host) -> dict[str, Any]:
    return {
        "instance": host.instance_id,
        "account": host.scope.account,
        "address": host.address.host,
        "service": host.kind,
        "running": host.service is not None and host.service.running(),
        "broken": host.broken.exists(),
        "log": str(host.service.log) if host.service else "",
    }


def _end(host: Host) -> None:
    host.gone = True
    if host.service is not None:
        host.service.stop()  # one that is only starting ends, and so its starter releases the lock
    with host.lock:
        if host.service is not None:
            host.service.stop()
        host.address.release()
        shutil.rmtree(host.folder, ignore_errors=True)


def _configure(host: Host, wanted: stand_ins.StandIn, resolve: Resolve) -> Outcome:
    """Start the server that stands in, in place of another one; one that is the same is left alone."""
    heading = f"Process stand-in: {host.instance_id} is a process on {host.address.host}, not a machine.\n"
    with host.lock:
        if host.gone:
            return Outcome(exit_code=1, stdout=heading, stderr="The instance was terminated.\n")
        service = (
            _app(host, wanted) if isinstance(wanted, stand_ins.AppServer) else _web(host, wanted, resolve)
        )
        command = f"$ uwsgi {' '.join(service.options)}\n"
        if host.service is not None and host.service.running() and host.service.same_as(service):
            return Outcome(exit_code=0, stdout=f"{heading}{command}Unchanged: it runs already.\n")
        if host.service is not None:
            host.service.stop()
        host.service, host.kind = service, NAMES[type(wanted)]
        try:
            service.start()
        except StartFailed as failed:
            return Outcome(exit_code=1, stdout=heading + command, stderr=f"uWSGI did not start:\n{failed}\n")
        where = ", ".join(f"{address}:{port}" for address, port in service.listening)
        return Outcome(exit_code=0, stdout=f"{heading}{command}Started, listening on {where}.\n")


def _common(name: str) -> list[str]:
    return [
        *("--processes", "1", "--enable-threads", "--die-on-term", "--buffer-size", "32768"),
        *("--log-x-forwarded-for", "--disable-write-exception", "--socket-timeout", "60"),
        *("--procname-prefix-spaced", name),
    ]


def _app(host: Host, server: stand_ins.AppServer) -> Service:
    """uWSGI with datelog, started with what the playbook would write into the environment file."""
    address, port = host.address.host, host.address.port(server.port)
    listening = [(address, port)]
    options = [*_common(f"app {host.instance_id}"), _SOCKETS[server.protocol], f"{address}:{port}"]
    options += ["--max-apps", "1", "--route-run", "setmodifier1:0"]  # as in the playbook's uwsgi.ini
    if server.health_port is not None:
        listening.append((address, host.address.port(server.health_port)))
        options += ["--http-socket", f"{address}:{listening[-1][1]}"]
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
        "PYTHONPATH": str(REPOSITORY),
    }
    return Service(
        options=options, environment=environment, log=host.folder / "uwsgi.log", listening=listening
    )


def _verification(host: Host, server: stand_ins.AppServer) -> dict[str, str]:
    """Return where the certificates of the database's authority are, as the playbook writes them."""
    if server.environment.get("DB_TLS") != "verify" or server.environment.get("DB_TLS_CA"):
        return {}
    path = host.folder / "database-ca.pem"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(certificates.authority().pem)
    return {"DB_TLS_CA": str(path)}


def _web(host: Host, server: stand_ins.WebServer, resolve: Resolve) -> Service:
    """uWSGI where Apache would be: passes on to the backend, answers its own paths; or 500, when broken."""
    address, port = host.address.host, host.address.port(server.port)
    backend = resolve(*server.backend)
    options = [*_common(f"web {host.instance_id}"), "--http-socket", f"{address}:{port}", "--threads", "4"]
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
        listening=[(address, port)],
    )
