"""Amazon EC2: addresses, NAT gateways, network interfaces, security group rules, images and instances."""


def install() -> None:
    """Put the EC2 resource types and actions in place."""
    from portal.sandbox.services.ec2 import (
        addresses,
        flow_logs,
        images,
        instances,
        interfaces,
        networks,
        rules,
    )

    for module in (addresses, flow_logs, images, instances, interfaces, networks, rules):
        module.install()
