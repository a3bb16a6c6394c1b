"""Subnets can be deleted while network interfaces are in them (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html
"""

from collections.abc import Callable

from ministack.services import ec2

from sanso_sandbox.engine import ec2_responses, query
from sanso_sandbox.engine.registry import Answer, Parameters, Refused


def install() -> None:
    """Install the check before the action; services/ec2/networks.py makes CloudFormation wait."""
    delete_subnet = ec2._delete_subnet
    ec2._ACTION_MAP["DeleteSubnet"] = lambda parameters: _delete_subnet(parameters, delete_subnet)


def require_empty(subnet_id: str) -> None:
    """Raise Refused when interfaces or instances are in a subnet."""
    occupied = _interfaces_in(subnet_id) or any(
        instance["SubnetId"] == subnet_id and instance["State"]["Name"] != "terminated"
        for instance in ec2._instances.values()
    )
    if occupied:
        raise Refused(
            "DependencyViolation", f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
        )


def _delete_subnet(parameters: Parameters, delete: Callable[[Parameters], Answer]) -> Answer:
    try:
        require_empty(query.value(parameters, "SubnetId"))
    except Refused as refused:
        return ec2_responses.refusal(refused)
    return delete(parameters)


def _interfaces_in(subnet_id: str) -> list[str]:
    """List the ids of the interfaces that keep a subnet from being deleted."""
    return [key for key, record in ec2._network_interfaces.items() if record["SubnetId"] == subnet_id]
