"""DescribeAddresses ignores filters (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddresses.html
"""

from ministack.services import ec2

from sanso_sandbox.engine import ec2_responses, query
from sanso_sandbox.engine.registry import Answer, Parameters


def install() -> None:
    """Install the action."""
    ec2._ACTION_MAP["DescribeAddresses"] = _describe_addresses


def _describe_addresses(parameters: Parameters) -> Answer:
    allocations = query.members(parameters, "AllocationId")
    wanted = query.filters(parameters)
    found = []
    for key, record in ec2._addresses.items():
        have = {
            "allocation-id": key,
            "association-id": record["AssociationId"] or "",
            "domain": record["Domain"],
            "instance-id": record["InstanceId"] or "",
            "network-interface-id": record["NetworkInterfaceId"] or "",
            "private-ip-address": record["PrivateIpAddress"] or "",
            "public-ip": record["PublicIp"],
        }
        if (not allocations or key in allocations) and query.matches(wanted, have, ec2_responses.tags(key)):
            shape = {name[0].lower() + name[1:]: part for name, part in record.items()}
            found.append({**shape, "tagSet": ec2_responses.tag_set(key)})
    return ec2_responses.answer("DescribeAddresses", {"addressesSet": found})
