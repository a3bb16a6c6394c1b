"""The subnets that a load balancer accepts: two zones, one subnet in each, with enough free addresses.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
(Subnets for your load balancer)
"""

import ipaddress
from collections.abc import Iterable
from typing import Final

from ministack.services import ec2

from sanso_sandbox.engine.registry import Refused

LONGEST_PREFIX: Final = {"application": 27, "network": 28, "gateway": 28}
FREE_ADDRESSES: Final = {"application": 8, "network": 1, "gateway": 1}
RESERVED: Final = 5  # addresses that AWS reserves in each subnet


def require_room(kind: str, subnets: Iterable[str], old: Iterable[str] = ()) -> None:
    """Raise Refused with AWS's message if a load balancer of the kind cannot use the subnets.

    Args:
        old: its current subnets.
    """
    known = {subnet: ec2._subnets[subnet] for subnet in subnets}
    zones = [record["AvailabilityZone"] for record in known.values()]
    if len(set(zones)) < len(zones):
        raise Refused(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    if kind == "application" and len(zones) < 2:
        raise Refused(
            "ValidationError",
            "At least two subnets in two different Availability Zones must be specified",
        )
    for subnet in set(known) - set(old):
        network = ipaddress.ip_network(known[subnet]["CidrBlock"])
        used = sum(record["SubnetId"] == subnet for record in ec2._network_interfaces.values())
        free = network.num_addresses - RESERVED - used
        if network.prefixlen > LONGEST_PREFIX[kind] or free < FREE_ADDRESSES[kind]:
            raise Refused(
                "InvalidSubnet",
                f"Not enough IP space available in {subnet}. ELB requires at least {FREE_ADDRESSES[kind]} "
                "free IP addresses in each subnet.",
            )
