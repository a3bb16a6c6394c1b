"""Machines that are broken on purpose, the list of them, and their logs, for the control plane."""

from typing import Any

from ministack.services import ec2

from portal.sandbox.protocols import machines


def listed(account: str | None) -> list[dict[str, Any]]:
    """Tell what there is of machines, with the tags of their instances: these say whose they are."""
    tags = {
        instance_id: {tag["Key"]: tag["Value"] for tag in told}
        for (_owner, _region, instance_id), told in ec2._tags.all_items()
    }
    return [one | {"tags": tags.get(one["instance"], {})} for one in machines.current().listed(account)]


def log(account: str | None, instance_id: str) -> str:
    """Read the end of a machine's access log. Raises KeyError when the account has no such machine."""
    _check(account, instance_id)
    return machines.current().log(instance_id)


def act(account: str | None, instance_id: str, action: str) -> dict[str, Any]:
    """Do one of the actions of machines to one; an instance that is killed is terminated for EC2 as well.

    Raises KeyError when the account has no such machine and ValueError when it can't be done.
    """
    current = machines.current()
    if current.name == "records":
        return current.act(instance_id, action)
    if action not in machines.ACTIONS:
        raise ValueError(f"an action is one of {', '.join(machines.ACTIONS)}, not {action!r}")
    _check(account, instance_id)
    scope = current.scope_of(instance_id)
    told = current.act(instance_id, action)
    if action == "kill":
        from portal.sandbox.services.ec2 import instances

        with scope.entered():
            instances.terminate(instance_id)
    return told


def _check(account: str | None, instance_id: str) -> None:
    if account not in (None, machines.current().scope_of(instance_id).account):
        raise KeyError(f"machine {instance_id}")
