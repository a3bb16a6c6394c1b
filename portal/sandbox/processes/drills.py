"""Machines that are broken on purpose, and the list of them, for the control plane."""

from typing import Any

from portal.sandbox import machines
from portal.sandbox.processes import hosts


def listed(account: str | None) -> list[dict[str, Any]]:
    """Tell what there is of machines that are processes."""
    current = machines.current()
    return current.listed(account) if isinstance(current, hosts.Processes) else []


def act(account: str | None, instance_id: str, action: str) -> dict[str, Any]:
    """Kill an instance, or stop or start its service; a killed one is terminated for EC2 as well.

    Raises KeyError when the account has no such machine and ValueError when it can't be done.
    """
    current = machines.current()
    if not isinstance(current, hosts.Processes):
        raise ValueError(f"machines are {current.name} in this sandbox: there is no process to {action}")
    scope = current.scope_of(instance_id)
    if account not in (None, scope.account):
        raise KeyError(f"machine {instance_id}")
    told = current.act(instance_id, action)
    if action == "kill":
        from portal.sandbox.resources.ec2 import instances

        with scope.entered():
            instances.terminate(instance_id)
    return told
