"""Instances that are only records: runs of associations are simulated."""

import threading
from typing import Any

from sanso_sandbox.engine.registry import Scope
from sanso_sandbox.protocols.databases import Origin
from sanso_sandbox.protocols.machines import FAILED, Instance, Outcome, Probe, Step


class Records:
    """Instances without machines.

    An instance passes health checks once every association that targets it has succeeded. Without such an
    association, it passes them if its user data or an image of the account could have configured a server: a
    plain Amazon Linux has no listening server.
    """

    name = "records"
    description = "instances are records only, and their health checks are simulated"
    checks_are_real = False
    setup_timeout = 0.0
    signals_itself = False
    api_address = ""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._associations: dict[str, dict[str, bool]] = {}
        self._preconfigured: set[str] = set()

    def launch(self, instance: Instance) -> None:
        """Store the instance."""
        with self._lock:
            self._associations[instance.id] = {}
            if instance.is_preconfigured:
                self._preconfigured.add(instance.id)

    def is_up(self, instance_id: str) -> bool:
        """Return whether the instance exists: a record is up at once."""
        with self._lock:
            return instance_id in self._associations

    def terminate(self, instance_id: str) -> None:
        """Remove the instance."""
        with self._lock:
            self._associations.pop(instance_id, None)
            self._preconfigured.discard(instance_id)

    def run_commands(self, instance_id: str, commands: list[str]) -> Outcome:
        """Return the commands as the output of a simulated run."""
        lines = "".join(f"$ {command}\n" for command in commands)
        return Outcome(
            exit_code=0,
            stdout=f"Simulated run: {instance_id} is a record, no command was executed.\n{lines}",
        )

    def run_step(self, instance_id: str, step: Step) -> Outcome:
        """Return the simulated output of the step."""
        if step.plugin == "aws:runShellScript":
            commands = step.inputs.get("runCommand") or []
            return self.run_commands(instance_id, [commands] if isinstance(commands, str) else commands)
        return Outcome(
            exit_code=0,
            stdout=f"Simulated {step.plugin}: {instance_id} is a record in this sandbox, nothing was done.\n",
        )

    def check(
        self, instance_id: str, protocol: str, port: int, path: str, matcher: str, timeout: float = 5.0
    ) -> Probe:
        """Pass once the associations have succeeded."""
        with self._lock:
            associations = dict(self._associations.get(instance_id, {}))
            preconfigured = instance_id in self._preconfigured
        passed = all(associations.values()) and (associations or preconfigured)
        return Probe(healthy=True) if passed else FAILED

    def association_targeted(self, instance_id: str, association: str) -> None:
        """Make the instance unhealthy until the association has succeeded here."""
        with self._lock:
            if instance_id in self._associations:
                self._associations[instance_id].setdefault(association, False)

    def association_ended(self, instance_id: str, association: str, success: bool) -> None:
        """Store the latest result of the association."""
        with self._lock:
            if instance_id in self._associations:
                self._associations[instance_id][association] = success

    def address_of(self, instance_id: str, port: int) -> tuple[str, int] | None:
        """Return None: a record has no address."""
        return None

    def origins(self, instance_id: str) -> frozenset[Origin]:
        """Return nothing: a record opens no connection."""
        return frozenset()

    def scope_of(self, instance_id: str) -> Scope:
        """Raise KeyError: there is no machine."""
        raise KeyError(f"machine {instance_id}")

    def describe(self, account: str | None) -> list[dict[str, Any]]:
        """Return nothing: there is no machine."""
        return []

    def log(self, instance_id: str) -> str:
        """Raise KeyError: there is no machine."""
        raise KeyError(f"machine {instance_id}")

    def act(self, instance_id: str, action: str) -> dict[str, Any]:
        """Raise ValueError: there is no machine."""
        raise ValueError(f"machines are records in this sandbox: there is nothing to {action}")

    def stop(self) -> None:
        """Do nothing: there is no machine."""
