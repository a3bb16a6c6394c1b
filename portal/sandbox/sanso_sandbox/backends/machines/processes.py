"""Machines that are processes: an instance has a separate address and a server that substitutes its services.

The commands of an association are parsed, not executed: uWSGI serves the datelog of the downloaded zip
where a playbook would install it, and substitutes Apache, with the same paths and backend.
"""

import json
import logging
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sanso_sandbox.backends.loopback import INSTANCES, Address
from sanso_sandbox.backends.machines import health_checks, releases, stand_ins
from sanso_sandbox.backends.machines.hosts import Host, Resolve, app_service, web_service
from sanso_sandbox.backends.machines.uwsgi import Service, ServiceStartFailed
from sanso_sandbox.engine.registry import Scope
from sanso_sandbox.protocols.databases import Origin
from sanso_sandbox.protocols.machines import FAILED, Cloud, Instance, Outcome, Probe, Step

logger = logging.getLogger(__name__)

NAMES = {stand_ins.AppServer: "uwsgi", stand_ins.WebServer: "httpd"}


class Processes:
    """Instances that are processes. An instance serves nothing until an association has configured it."""

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
        """Choose the machine's address."""
        with self._lock:
            if instance.id not in self._hosts:
                self._hosts[instance.id] = Host(instance, Address(INSTANCES), self._folder / instance.id)

    def is_up(self, instance_id: str) -> bool:
        """Return whether the instance exists: without an operating system it is up at once."""
        return self._find(instance_id) is not None

    def _find(self, instance_id: str) -> Host | None:
        with self._lock:
            return self._hosts.get(instance_id)

    def terminate(self, instance_id: str) -> None:
        """Stop the machine's process in the background, after which its port rejects connections."""
        with self._lock:
            host = self._hosts.pop(instance_id, None)
        if host is not None:
            threading.Thread(target=_end, args=(host,), name=f"end-{instance_id}").start()

    def stop(self) -> None:
        """Stop all machines and wait until they have ended."""
        with self._lock:
            hosts, self._hosts = list(self._hosts.values()), {}
        threads = [threading.Thread(target=_end, args=(host,)) for host in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run_commands(self, instance_id: str, commands: list[str]) -> Outcome:
        """Return the commands as output, since nothing can execute them."""
        lines = "".join(f"$ {command}\n" for command in commands)
        return Outcome(
            exit_code=0,
            stdout=f"Simulated run: {instance_id} is a process, which has no stand-in for these commands; "
            f"none was executed.\n{lines}",
        )

    def run_step(self, instance_id: str, step: Step) -> Outcome:
        """Configure the substitute server; an app server runs the datelog that was downloaded."""
        host = self._find(instance_id)
        if host is None:
            return Outcome(exit_code=1, stdout="", stderr=f"{instance_id} is not running.\n")
        if step.plugin == "aws:runShellScript":
            found = stand_ins.of(self._cloud.tags_of(host.instance), step)
            if found is not None:
                return self._configure(host, found)
            commands = step.inputs.get("runCommand") or []
            return self.run_commands(instance_id, [commands] if isinstance(commands, str) else commands)
        if step.content is None:
            inputs = json.dumps(step.inputs)
            return Outcome(exit_code=0, stdout=f"Process stand-in: {step.plugin} did nothing: {inputs}.\n")
        with host.lock:
            host.downloads = dict(step.content)
        names = ", ".join(host.downloads)
        return Outcome(exit_code=0, stdout=f"Process stand-in: {names} downloaded.\n")

    def _configure(self, host: Host, wanted: stand_ins.StandIn) -> Outcome:
        """Start the substitute server, unless the same one already runs."""
        heading = (
            f"Process stand-in: {host.instance_id} is a process on {host.address.host}, not a machine.\n"
        )
        with host.lock:
            if host.gone:
                return Outcome(exit_code=1, stdout=heading, stderr="The instance was terminated.\n")
            try:
                service = self._service(host, wanted)
            except releases.Unreadable as problem:
                return Outcome(exit_code=1, stdout=heading, stderr=f"{problem}\n")
            return _serve(host, service, NAMES[type(wanted)], heading)

    def _service(self, host: Host, wanted: stand_ins.StandIn) -> Service:
        if isinstance(wanted, stand_ins.WebServer):
            return web_service(host, wanted, self._resolve)
        return app_service(host, wanted, releases.unpack(host.downloads, self._folder / "releases"))

    def check(
        self, instance_id: str, protocol: str, port: int, path: str, matcher: str, timeout: float = 5.0
    ) -> Probe:
        """Check the health at the machine's address."""
        address = self.address_of(instance_id, port)
        if address is None:
            return FAILED
        return health_checks.check(*address, protocol=protocol, path=path, matcher=matcher, timeout=timeout)

    def address_of(self, instance_id: str, port: int) -> tuple[str, int] | None:
        """Return the address and port on this host for a port of the machine."""
        host = self._find(instance_id)
        return None if host is None else (host.address.host, host.address.port(port))

    def association_targeted(self, instance_id: str, association: str) -> None:
        """Do nothing: health checks detect missing services."""

    def association_ended(self, instance_id: str, association: str, success: bool) -> None:
        """Do nothing: health checks detect the result."""

    def origins(self, instance_id: str) -> frozenset[Origin]:
        """Return the process groups of the machine's server, and of the one that it takes over from."""
        host = self._find(instance_id)
        return frozenset(host.service.groups()) if host is not None and host.service else frozenset()

    def scope_of(self, instance_id: str) -> Scope:
        """Return the account and region of the machine. Raises KeyError if there is none."""
        with self._lock:
            return self._hosts[instance_id].scope

    def describe(self, account: str | None) -> list[dict[str, Any]]:
        """Return descriptions of the machines for the control API."""
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

        Raises KeyError for an unknown machine, and ValueError if it has no service or not the right one.
        """
        with self._lock:
            host = self._hosts[instance_id]
        service = host.service
        if action in ("fill-disk", "free-disk"):
            raise ValueError(f"{instance_id} is a process: only booted machines have disks")
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
        host.service.stop()  # ends a starting service, so that its thread releases the lock
    with host.lock:
        if host.service is not None:
            host.service.stop()
        host.address.release()
        shutil.rmtree(host.folder, ignore_errors=True)


def _serve(host: Host, service: Service, kind: str, heading: str) -> Outcome:
    """Start a service, replacing one that serves."""
    command = f"$ uwsgi {' '.join(service.arguments)}\n"
    before = host.service
    if before is not None and before.running() and before.same_as(service):
        return Outcome(exit_code=0, stdout=f"{heading}{command}Unchanged: it runs already.\n")
    try:
        if before is not None and before.running():
            service.take_over(before)
        else:
            service.start()
    except ServiceStartFailed as failed:
        if before is None or not before.running():
            host.service, host.kind = service, kind
        return Outcome(exit_code=1, stdout=heading + command, stderr=f"uWSGI did not start:\n{failed}\n")
    host.service, host.kind = service, kind
    where = ", ".join(f"{address}:{port}" for address, port in service.listening)
    return Outcome(exit_code=0, stdout=f"{heading}{command}Started, listening on {where}.\n")
