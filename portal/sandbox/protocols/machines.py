"""The door to what stands behind an instance: a record, a process on an address of its own, or a machine.

State Manager runs its documents and the health checks make their probes through this door and know nothing
of what is behind it. `current()` is the one implementation in use; `about()` names it on the control plane.
"""

import os
import threading
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ministack.services import ec2

from portal.sandbox.engine.registry import Scope
from portal.sandbox.services.ec2 import images
from portal.sandbox.services.ssm.documents import Step

ACTIONS = ("kill", "stop-service", "start-service", "break-service", "mend-service")
"""What can be done to a machine on purpose. A web server that was broken answers everything with 500."""
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
    patience: float  # seconds that setting one up may really take, at any pace; 0 where it takes none

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

    def scope_of(self, instance_id: str) -> Scope:
        """Tell whose the machine is. Raises KeyError when there is none."""

    def listed(self, account: str | None) -> list[dict[str, Any]]:
        """Tell what there is, for the control plane."""

    def log(self, instance_id: str) -> str:
        """Read the end of the machine's access log. Raises KeyError for an unknown machine."""

    def act(self, instance_id: str, action: str) -> dict[str, Any]:
        """Do one of ACTIONS to the machine: kill it, stop or start its service, let it answer 500 or well.

        Raises KeyError for an unknown machine and ValueError when it has no service, or none that can do so.
        """


class Records:
    """Instances that are rows and nothing else: an association's run is pretended, health follows from it.

    An instance answers health checks once every association that targets it has succeeded. One that no
    association targets answers if its user data or an image of one's own could have made a server of it: a
    plain Amazon Linux has nothing that listens.
    """

    name = "records"
    checks_take_time = False
    patience = 0.0

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

    def scope_of(self, instance_id: str) -> Scope:
        """Say that there is nothing."""
        raise KeyError(f"machine {instance_id}")

    def listed(self, account: str | None) -> list[dict[str, Any]]:
        """There is nothing to list."""
        return []

    def log(self, instance_id: str) -> str:
        """Say that there is nothing."""
        raise KeyError(f"machine {instance_id}")

    def act(self, instance_id: str, action: str) -> dict[str, Any]:
        """Say that there is nothing."""
        raise ValueError(f"machines are records in this sandbox: there is nothing to {action}")


KINDS = ("auto", "booted", "processes", "records")
ABOUT = {
    "booted": "each instance is a booted Debian 13 in the place of Amazon Linux, where associations run for "
    "real; it has no way out, so what it would install comes with its image",
    "processes": "each instance is a process: uWSGI serves datelog and stands in for Apache, associations "
    "are read and not executed, health checks are really made",
    "records": "instances are records only, and their health checks are simulated",
}

_current: Machines = Records()
_hint = ""


def install() -> None:
    """Choose the kind of machines by SANSO_SANDBOX_MACHINES.

    auto takes booted ones where everything they need is there, else processes where uWSGI is installed.
    Raises ValueError for another word, and when the kind that is asked for can't be had.
    """
    global _current, _hint
    wanted = os.environ.get("SANSO_SANDBOX_MACHINES", "auto")
    if wanted not in KINDS:
        raise ValueError(f"SANSO_SANDBOX_MACHINES is one of {', '.join(KINDS)} and not {wanted!r}")
    _hint = ""
    if wanted in ("auto", "booted"):
        from portal.sandbox.backends.machines.booted import base_tree, fleet, requirements

        found, problem = base_tree.ready(), requirements.why_not()
        if found is not None and not problem:
            _current = fleet.Booted(found)
            return
        lack = problem or "their base tree is not made yet"
        if wanted == "booted":
            raise ValueError(f"SANSO_SANDBOX_MACHINES is booted, and {lack}; see `make run-full`")
        _hint = f"machines can't be booted yet: {lack}. `make run-full` (Debian, root) brings what they take"
    _current = _simpler(wanted)


def _simpler(wanted: str) -> Machines:
    from portal.sandbox.backends.machines import processes, uwsgi

    if wanted == "processes" and uwsgi.program() is None:
        raise ValueError("SANSO_SANDBOX_MACHINES is processes, for which uWSGI (pyuwsgi) is needed")
    return processes.Processes() if wanted != "records" and uwsgi.program() is not None else Records()


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
    """Name the kind of machines and what stands in there, for the control plane's about."""
    hint = {"machines_hint": _hint} if _hint else {}
    return {"machines": _current.name, "machines_are": ABOUT[_current.name], **hint}


def binds(port: int) -> list[str]:
    """List the addresses beside the sandbox's own at which machines expect its API."""
    from portal.sandbox.backends.machines.booted import network

    return [f"{network.HOST}:{port}"] if _current.name == "booted" else []
