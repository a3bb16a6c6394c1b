"""DescribeInstances ignores most filters (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
"""

from ministack.services import ec2

from sanso_sandbox.engine import query
from sanso_sandbox.engine.registry import Record


def install() -> None:
    """Install the matching."""
    ec2._matches_filters = lambda instance, wanted: query.matches(
        {
            name: patterns
            for name, patterns in wanted.items()
            if name in _filterable(instance) or "tag" in name
        },
        _filterable(instance),
        ec2._tags.get(instance["InstanceId"], []),
    )


def _filterable(instance: Record) -> dict[str, str | list[str]]:
    groups = instance.get("SecurityGroups", [])
    return {
        "architecture": instance.get("Architecture", ""),
        "availability-zone": instance["Placement"]["AvailabilityZone"],
        "iam-instance-profile.arn": (instance.get("IamInstanceProfile") or {}).get("Arn", ""),
        "image-id": instance["ImageId"],
        "instance-id": instance["InstanceId"],
        "instance-state-code": str(instance["State"]["Code"]),
        "instance-state-name": instance["State"]["Name"],
        "instance-type": instance["InstanceType"],
        "instance.group-id": [group["GroupId"] for group in groups],
        "instance.group-name": [group["GroupName"] for group in groups],
        "ip-address": instance.get("PublicIpAddress", ""),
        "network-interface.group-id": [group["GroupId"] for group in groups],
        "network-interface.subnet-id": instance["SubnetId"],
        "network-interface.vpc-id": instance["VpcId"],
        "private-dns-name": instance["PrivateDnsName"],
        "private-ip-address": instance["PrivateIpAddress"],
        "subnet-id": instance["SubnetId"],
        "vpc-id": instance["VpcId"],
    }
