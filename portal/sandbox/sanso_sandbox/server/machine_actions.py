"""Injects failures into machines, lists them, and returns their logs, for the control API."""

from typing import Any

from ministack.services import ec2

from sanso_sandbox.protocols import in_use
from sanso_sandbox.protocols.machines import ACTIONS
from sanso_sandbox.services.ec2 import instances


def describe(account: str | None) -> list[dict[str, Any]]:
    """Return descriptions of the machines, with the tags of their instances for their owners."""
    tags = {
        instance_id: {tag["Key"]: tag["Value"] for tag in found}
        for (_owner, _region, instance_id), found in ec2._tags.all_items()
    }
    return [one | {"tags": tags.get(one["instance"], {})} for one in in_use.machines().describe(account)]


def log(account: str | None, instance_id: str) -> str:
    """Return the end of a machine's access log. Raises KeyError if the account has no such machine."""
    _check(account, instance_id)
    return in_use.machines().log(instance_id)


def act(account: str | None, instance_id: str, action: str) -> dict[str, Any]:
    """Execute an action on a machine; killing it also terminates its instance in EC2.

    Raises KeyError if the account has no such machine, and ValueError if the action is not possible.
    """
    machines = in_use.machines()
    if machines.name == "records":
        return machines.act(instance_id, action)
    if action not in ACTIONS:
        raise ValueError(f"an action is one of {', '.join(ACTIONS)}, not {action!r}")
    _check(account, instance_id)
    scope = machines.scope_of(instance_id)
    described = machines.act(instance_id, action)
    if action == "kill":
        with scope.entered():
            instances.terminate(instance_id)
    return described


def _check(account: str | None, instance_id: str) -> None:
    if account not in (None, in_use.machines().scope_of(instance_id).account):
        raise KeyError(f"machine {instance_id}")
