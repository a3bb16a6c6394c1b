"""The door to what stands behind an instance: a record, or a process on an address of its own.

State Manager runs its documents and the health checks make their probes through this door and know nothing
of what is behind it. `current()` is the one implementation in use; `about()` names it on the control plane.
"""

import os
import threading
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ministack.services import ec2

from portal.sandbox.resources.ec2 import images
from portal.sandbox.state_manager.documents import Step

ProbeReason = Literal["", "Target.Timeout", "Target.FailedHealthChecks", "Target.ResponseCodeMismatch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What running commands on a machine gave."""

    exit_code: int
    stdout: str
    stderr: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One health check: whether the target answered well, else ELB's reason code and its sentence."""

    healthy: bool
    reason: ProbeReason = ""
    description: str = ""


class Machines(Protocol):
    """A kind of machine that instances can be."""

    name: str
    checks_take_time: bool  # a health check may block, and is made beside the heartbeat

    def launch(self, instance: dict[str, Any]) -> None:
        """Bring up the machine of a newly launched instance; return at once."""

    def booted(self, instance_id: str) -> bool:
        """Tell whether the machine is up, so that the agent on it answers."""

    def terminate(self, instance_id: str) -> None:
        """Take the machine down; an unknown instance is none of its business."""

    def run_commands(self, instance_id: str, commands: list[str]) -> Outcome:
        """Run shell commands, one after the other, as root on the machine, and wait for their end."""

    def run_step(self, instance_id: str, step: Step) -> Outcome:
        """Run one step of an SSM document on the machine and wait for its end.

        The steps of one run share a working folder: aws:downloadContent fills it, aws:runShellScript
        starts in it.
        """

    def probe(
        self, instance_id: str, protocol: str, port: int, path: str, matcher: str, timeout: float = 5.0
    ) -> Probe:
        """Make one health check of a load balancer, which may take as long as timeout says, in seconds.

        Args:
            protocol: ELB's health check protocol, such as TCP or HTTP.
            matcher: the HTTP codes that count as healthy, in ELB's notation, such as "200-399".
        """

    def configured(self, instance_id: str, association: str, success: bool) -> None:
        """Take note that an association has run on the machine, and whether it succeeded."""

    def targeted(self, instance_id: str, association: str) -> None:
        """Take note that an association is to run on the machine."""

    def reach(self, instance_id: str, port: int) -> tuple[str, int] | None:
        """Tell the address and port on this host that a port of the machine is at; None if at none."""

    def stop(self) -> None:
        """End every machine and wait until it is gone."""


class Records:
    """Instances that are rows and nothing else: an association's run is pretended, health follows from it.

    An instance answers health checks once every association that targets it has succeeded. One that no
    association targets answers if its user data or an image of one's own could have made a server of it: a
    plain Amazon Linux has nothing that listens.
    """

    name = "records"
    checks_take_time = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._associations: dict[str, dict[str, bool]] = {}
        self._ready_made: set[str] = set()

    def launch(self, instance: dict[str, Any]) -> None:
        """There is nothing to bring up."""
        with self._lock:
            self._associations[instance["InstanceId"]] = {}
            if instance.get("UserData") or instance["ImageId"] not in images.IMAGES:
                self._ready_made.add(instance["InstanceId"])

    def booted(self, instance_id: str) -> bool:
        """A record is up as soon as it exists."""
        with self._lock:
            return instance_id in self._associations

    def terminate(self, instance_id: str) -> None:
        """Forget the instance."""
        with self._lock:
            self._associations.pop(instance_id, None)
            self._ready_made.discard(instance_id)

    def run_commands(self, instance_id: str, commands: list[str]) -> Outcome:
        """Say what would have been run; nothing is."""
        lines = "".join(f"$ {command}\n" for command in commands)
        return Outcome(
            exit_code=0,
            stdout=f"Simulated run: {instance_id} is a record, no command was executed.\n{lines}",
        )

    def run_step(self, instance_id: str, step: Step) -> Outcome:
        """Say what the step would have done; nothing is."""
        if step.plugin == "aws:runShellScript":
            commands = step.inputs.get("runCommand") or []
            return self.run_commands(instance_id, [commands] if isinstance(commands, str) else commands)
        return Outcome(
            exit_code=0,
            stdout=f"Simulated {step.plugin}: {instance_id} is a record in this sandbox, nothing was done.\n",
        )

    def probe(
        self, instance_id: str, protocol: str, port: int, path: str, matcher: str, timeout: float = 5.0
    ) -> Probe:
        """Answer well once the associations have succeeded, refuse the connection before."""
        with self._lock:
            associations = dict(self._associations.get(instance_id, {}))
            ready_made = instance_id in self._ready_made
        if all(associations.values()) and (associations or ready_made):
            return Probe(healthy=True)
        return Probe(healthy=False, reason="Target.FailedHealthChecks", description="Health checks failed")

    def configured(self, instance_id: str, association: str, success: bool) -> None:
        """Remember the latest result of the association."""
        with self._lock:
            if instance_id in self._associations:
                self._associations[instance_id][association] = success

    def targeted(self, instance_id: str, association: str) -> None:
        """An association that has never succeeded here keeps the instance from answering."""
        with self._lock:
            if instance_id in self._associations:
                self._associations[instance_id].setdefault(association, False)

    def reach(self, instance_id: str, port: int) -> tuple[str, int] | None:
        """A record is nowhere."""
        return None

    def stop(self) -> None:
        """There is nothing to end."""


_current: Machines = Records()


def install() -> None:
    """Choose the kind of machines by SANSO_SANDBOX_MACHINES: auto takes processes where uWSGI is installed.

    Raises ValueError for a word that is not auto, processes or records, and for processes without uWSGI.
    """
    from portal.sandbox.processes import hosts, services

    global _current
    wanted = os.environ.get("SANSO_SANDBOX_MACHINES", "auto")
    if wanted not in ("auto", "processes", "records"):
        raise ValueError(f"SANSO_SANDBOX_MACHINES is auto, processes or records and not {wanted!r}")
    if wanted == "processes" and services.program() is None:
        raise ValueError("SANSO_SANDBOX_MACHINES is processes, for which uWSGI (pyuwsgi) is needed")
    if wanted != "records" and services.program() is not None:
        _current = hosts.Processes()


def stop() -> None:
    """End every machine."""
    _current.stop()


def reset(account: str | None) -> None:
    """Take down the machines of an account, or all."""
    for (owner, _region, instance_id), _instance in ec2._instances.all_items():
        if account in (None, owner):
            _current.terminate(instance_id)


def current() -> Machines:
    """Hand out the implementation in use."""
    return _current


def about() -> dict[str, object]:
    """Name the kind of machines, for the control plane's about."""
    return {"machines": _current.name}
