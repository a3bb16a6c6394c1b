"""Machines that are broken on purpose, the list of them, and their logs, for the control API."""

from typing import Any

from ministack.services import ec2

from portal.sandbox.protocols import in_use
from portal.sandbox.protocols.machines import ACTIONS
from portal.sandbox.services.ec2 import instances


def describe(account: str | None) -> list[dict[str, Any]]:
    """Describe the machines, with the tags of their instances: these say whose they are."""
    tags = {
        instance_id: {tag["Key"]: tag["Value"] for tag in found}
        for (_owner, _region, instance_id), found in ec2._tags.all_items()
    }
    return [one | {"tags": tags.get(one["instance"], {})} for one in in_use.machines().describe(account)]


def log(account: str | None, instance_id: str) -> str:
    """Return the end of a machine's access log. Raises KeyError when the account has no such machine."""
    _check(account, instance_id)
    return in_use.machines().log(instance_id)


def act(account: str | None, instance_id: str, action: str) -> dict[str, Any]:
    """Do one of the actions of machines to one; an instance that is killed is terminated for EC2 as well.

    Raises KeyError when the account has no such machine and ValueError when it can't be done.
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
