"""Booted machines: launch, setup, health checks, injected failures, termination."""

import logging
import os
import shutil
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sanso_sandbox.backends import certificates
from sanso_sandbox.backends.machines import health_checks
from sanso_sandbox.backends.machines.booted import agent, init, network
from sanso_sandbox.backends.machines.booted.base_tree import Base
from sanso_sandbox.backends.machines.booted.machine import BootFailed, BootPlan, Machine
from sanso_sandbox.engine.registry import Scope
from sanso_sandbox.protocols.databases import Origin
from sanso_sandbox.protocols.machines import FAILED, Cloud, Instance, Outcome, Probe, Step

logger = logging.getLogger(__name__)

BROKEN = "etc/httpd/conf.d/zz-broken.conf"
ANSWER_500 = '<Location "/">\n  Redirect 500 /\n</Location>\n'
FILLER = "var/cache/filler"
FILL = f"cat /dev/zero >>/{FILLER}"  # ends when no space is left
REFILL = ("systemd-run", "--quiet", "--unit=filler", "sh", "-c", f"while sleep 0.2; do {FILL}; done")
RELOAD = "systemctl try-reload-or-restart httpd.service"
PAUSE = 5.0  # seconds until an instance whose machine did not boot is reported as ended, to be replaced
UP = 90.0  # seconds that a document's step waits for a machine that is booting


@dataclass(frozen=True, slots=True, kw_only=True)
class BootedService:
    """A service of a machine: its name, units and log, and a file that exists once it is configured."""

    name: str
    units: tuple[str, ...]
    mark: str
    log: tuple[str, ...]


SERVICES = (
    BootedService(
        name="uwsgi",
        units=("uwsgi.socket", "uwsgi.service"),  # the socket would hold requests forever
        mark="etc/systemd/system/uwsgi.service",
        log=("journalctl", "--unit=uwsgi.service", "--output=cat", "--no-pager", "--lines=1000"),
    ),
    BootedService(
        name="httpd",
        units=("httpd.service",),
        mark="etc/httpd/conf.d/datelog.conf",
        log=("tail", "-n", "1000", "/var/log/httpd/datelog_access_log"),
    ),
)


@dataclass(slots=True)
class BootedHost:
    """An instance, and its machine once it has booted."""

    instance: Instance
    plan: BootPlan
    machine: Machine | None = None
    up: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def instance_id(self) -> str:
        return self.instance.id

    @property
    def scope(self) -> Scope:
        return self.instance.scope


class Booted:
    """Instances that are booted machines."""

    name = "booted"
    description = (
        "each instance is a booted Debian 13 in the place of Amazon Linux 2023, with its names, a bare "
        "Python and dnf, where associations run for real; it has no way out, so its repositories are in its "
        "image"
    )
    checks_are_real = True
    setup_timeout = 600.0
    signals_itself = True
    api_address = network.HOST

    def __init__(self, base: Base, cloud: Cloud) -> None:
        self._base, self._cloud = base, cloud
        self._lock = threading.Lock()
        self._hosts: dict[str, BootedHost] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="machines-"))
        init.remove_groups()  # remains of a killed sandbox

    def launch(self, instance: Instance) -> None:
        """Boot the machine in the background."""
        host = BootedHost(instance, self._plan(instance))
        with self._lock:
            if instance.id in self._hosts:
                return
            self._hosts[instance.id] = host
        threading.Thread(target=self._live, args=(host,), name=f"machine-{instance.id}", daemon=True).start()

    def _plan(self, instance: Instance) -> BootPlan:
        port = os.environ.get("GATEWAY_PORT", "")
        return BootPlan(
            name=instance.id,
            folder=self._folder / instance.id,
            hostname=instance.hostname,
            private=instance.private_address,
            trusted=certificates.authority().pem,
            environment={
                **instance.environment,
                "AWS_ENDPOINT_URL": f"http://{network.HOST}:{port}",
                "AWS_REGION": instance.scope.region,
                # the SSM agent sets these variables for its commands
                "AWS_SSM_INSTANCE_ID": instance.id,
                "AWS_SSM_REGION_NAME": instance.scope.region,
            },
        )

    def _live(self, host: BootedHost) -> None:
        """Boot the machine and wait until it has ended."""
        try:
            host.machine = Machine(host.plan, self._base)
        except (BootFailed, OSError) as failed:
            logger.warning("The machine of %s: %s", host.instance_id, failed)
            host.gone.wait(PAUSE)
        else:
            if host.instance.user_data and not host.gone.is_set():
                agent.run_user_data(host.machine, host.instance.user_data)
            host.up.set()
            if not host.gone.is_set():
                host.machine.wait()
            host.machine.switch_off()
        if not host.gone.is_set():
            logger.warning("The machine of %s has ended.", host.instance_id)
            self._cloud.machine_ended(host.instance)

    def is_up(self, instance_id: str) -> bool:
        """Return whether the machine has booted."""
        host = self._find(instance_id)
        return host is not None and host.up.is_set()

    def _find(self, instance_id: str) -> BootedHost | None:
        with self._lock:
            return self._hosts.get(instance_id)

    def _up(self, instance_id: str) -> Machine | None:
        """Return the machine of an instance; wait if it is booting."""
        host = self._find(instance_id)
        return host.machine if host is not None and host.up.wait(UP) else None

    def terminate(self, instance_id: str) -> None:
        """Shut the machine down in the background."""
        with self._lock:
            host = self._hosts.pop(instance_id, None)
        if host is not None:
            threading.Thread(target=_end, args=(host, False), name=f"end-{instance_id}").start()

    def stop(self) -> None:
        """Switch off all machines and wait until they have ended."""
        with self._lock:
            hosts, self._hosts = list(self._hosts.values()), {}
        threads = [threading.Thread(target=_end, args=(host, True)) for host in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run_commands(self, instance_id: str, commands: list[str]) -> Outcome:
        """Run the commands on the machine."""
        found = self._up(instance_id)
        return _not_there(instance_id) if found is None else agent.run_commands(found, commands)

    def run_step(self, instance_id: str, step: Step) -> Outcome:
        """Run the step on the machine."""
        found = self._up(instance_id)
        return _not_there(instance_id) if found is None else agent.run_step(found, step)

    def check(
        self, instance_id: str, protocol: str, port: int, path: str, matcher: str, timeout: float = 5.0
    ) -> Probe:
        """Check the health at the machine's address."""
        address = self.address_of(instance_id, port)
        if address is None:
            return FAILED
        return health_checks.check(*address, protocol=protocol, path=path, matcher=matcher, timeout=timeout)

    def address_of(self, instance_id: str, port: int) -> tuple[str, int] | None:
        """Return the machine's address with the same port, since all its ports are its own."""
        host = self._find(instance_id)
        return None if host is None or host.machine is None else (host.machine.address, port)

    def association_targeted(self, instance_id: str, association: str) -> None:
        """Do nothing: health checks detect missing services."""

    def association_ended(self, instance_id: str, association: str, success: bool) -> None:
        """Do nothing: health checks detect the result."""

    def origins(self, instance_id: str) -> frozenset[Origin]:
        """Return the machine's address."""
        host = self._find(instance_id)
        return frozenset() if host is None or host.machine is None else frozenset({host.machine.address})

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
        """Return the end of the machine's access log. Raises KeyError for an unknown machine."""
        with self._lock:
            host = self._hosts[instance_id]
        service = _service(host)
        if host.machine is None or service is None:
            return ""
        return str(host.machine.run(*service.log).stdout)

    def act(self, instance_id: str, action: str) -> dict[str, Any]:
        """Switch the machine off, fill or free its disk, or stop, start, break or repair its service.

        Raises KeyError for an unknown machine, and ValueError if it has no service or not the right one.
        """
        with self._lock:
            host = self._hosts[instance_id]
        service = _service(host)
        if action == "kill":
            if host.machine is not None:
                host.gone.set()
                host.machine.switch_off()
        elif action in ("fill-disk", "free-disk"):
            _fill_or_free(host, action)
        elif service is None or host.machine is None:
            raise ValueError(f"{instance_id} has no service: no association has configured it yet")
        elif action in ("stop-service", "start-service"):
            host.machine.run("systemctl", action.removesuffix("-service"), *service.units)
        elif service.name != "httpd":
            raise ValueError(f"{instance_id} is no web server: only those can be made to answer 500")
        elif action == "break-service":
            host.machine.run("sh", "-c", f"cat >/{BROKEN} && {RELOAD}", text=ANSWER_500)
        else:
            host.machine.run("sh", "-c", f"rm -f /{BROKEN} && {RELOAD}")
        return _shape(host)


def _not_there(instance_id: str) -> Outcome:
    return Outcome(exit_code=1, stdout="", stderr=f"The machine of {instance_id} is not there.\n")


def _end(host: BootedHost, at_once: bool) -> None:
    host.gone.set()
    if host.machine is None:
        return  # its boot thread ends it later; its namespaces end with the sandbox
    if at_once:
        host.machine.switch_off()
    else:
        host.machine.shut_down()


def _fill_or_free(host: BootedHost, action: str) -> None:
    if host.machine is None or not host.up.is_set():
        raise ValueError(f"{host.instance_id} is still booting")
    if action == "fill-disk":
        host.machine.run("sh", "-c", FILL)
        host.machine.run(*REFILL)  # logs that are rotated, for example, would make space again
    else:
        host.machine.run("systemctl", "stop", "filler.service")
        host.machine.run("rm", "-f", f"/{FILLER}")


def _service(host: BootedHost) -> BootedService | None:
    if host.machine is None or not host.up.is_set() or not host.machine.running():
        return None
    root = host.machine.root
    return next((one for one in SERVICES if (root / one.mark).exists()), None)


def _shape(host: BootedHost) -> dict[str, Any]:
    service = _service(host)
    active = ""
    if host.machine is not None and service is not None:
        active = host.machine.run("systemctl", "is-active", service.units[-1]).stdout.strip()
    return {
        "instance": host.instance_id,
        "account": host.scope.account,
        "address": host.machine.address if host.machine else "",
        "private_address": host.plan.private,
        "service": service.name if service else "",
        "running": active == "active",
        "broken": host.machine is not None and service is not None and (host.machine.root / BROKEN).exists(),
        "disk_full": host.machine is not None and host.up.is_set() and (host.machine.root / FILLER).exists(),
        "enter": f"nsenter --target {host.machine.leader} --all" if host.up.is_set() and host.machine else "",
    }
