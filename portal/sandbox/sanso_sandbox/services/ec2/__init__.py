"""Amazon EC2: addresses, NAT gateways, network interfaces, security group rules, images and instances."""

from ministack.services import ec2

from sanso_sandbox.protocols import in_use
from sanso_sandbox.services.ec2 import (
    account_quotas,
    addresses,
    flow_logs,
    gateways,
    images,
    instances,
    interfaces,
    networks,
    offers,
    profiles,
    rules,
)


def install() -> None:
    """Install the EC2 resource types and actions."""
    for module in (
        addresses,
        flow_logs,
        gateways,
        images,
        instances,
        interfaces,
        networks,
        offers,
        profiles,
        rules,
        account_quotas,
    ):
        module.install()


def reset(account: str | None) -> None:
    """End the machines of an account, or all machines."""
    for (owner, _region, instance_id), _instance in ec2._instances.all_items():
        if account in (None, owner):
            in_use.machines().terminate(instance_id)


def stop() -> None:
    """End all machines."""
    in_use.machines().stop()
