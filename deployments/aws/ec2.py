"""The gateway to EC2: remaining network interfaces, running instances, the network of a VPC, zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from deployments.aws import described_network
from deployments.aws.described_network import DescribedNetwork
from deployments.aws.error_mapping import calling
from deployments.common.errors import AwsNotFound

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

AT_ONCE = 200
"""Values of a filter (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html)."""
_ENDED = ("shutting-down", "terminated")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkInterface:
    """A network interface. Status and type are the API's values: `available` (not attached), `lambda`."""

    interface_id: str
    status: str
    type: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedInstance:
    """An instance that is not being terminated, with its tags."""

    instance_id: str
    tags: Mapping[str, str] = field(default_factory=dict)


class EC2(Protocol):
    """The calls to EC2 that the runner makes."""

    def network_interfaces(self, vpc_ids: Sequence[str]) -> list[NetworkInterface]:
        """Return the network interfaces in these VPCs."""
        ...

    def delete_network_interface(self, interface_id: str) -> None:
        """Delete a network interface that is not attached. Raise AwsNotFound if it is gone."""
        ...

    def running_instances(self, instance_ids: Sequence[str]) -> list[str]:
        """Return those of the instances that exist and have not been terminated."""
        ...

    def tagged_instances(self, tags: Mapping[str, Sequence[str]]) -> list[TaggedInstance]:
        """Return the instances that have each of the tags, with one of its values."""
        ...

    def network_of(self, instance_id: str) -> DescribedNetwork:
        """Return the network of the VPC of an instance. Raise AwsNotFound if the instance is gone."""
        ...

    def network_in(self, vpc_id: str) -> DescribedNetwork:
        """Return the network of a VPC."""
        ...

    def zones(self) -> list[str]:
        """Return the names of the Availability Zones of the region that are available, in order."""
        ...

    def zones_by_type(self, instance_types: Sequence[str]) -> dict[str, list[str]]:
        """Return the zones that offer each of these instance types, in order; none for unknown types."""
        ...


class EC2Gateway:
    """EC2 through boto3; the protocol above documents the methods."""

    def __init__(self, client: EC2Client) -> None:
        self._client = client

    def network_interfaces(self, vpc_ids: Sequence[str]) -> list[NetworkInterface]:
        found: list[NetworkInterface] = []
        for first in range(0, len(vpc_ids), AT_ONCE):
            pages = self._client.get_paginator("describe_network_interfaces").paginate(
                Filters=[{"Name": "vpc-id", "Values": list(vpc_ids[first : first + AT_ONCE])}]
            )
            with calling("ec2:DescribeNetworkInterfaces"):
                rows = [row for page in pages for row in page.get("NetworkInterfaces", [])]
            found += [
                NetworkInterface(
                    interface_id=row["NetworkInterfaceId"],
                    status=row.get("Status", ""),
                    type=row.get("InterfaceType", ""),
                    description=row.get("Description", ""),
                )
                for row in rows
            ]
        return found

    def delete_network_interface(self, interface_id: str) -> None:
        with calling("ec2:DeleteNetworkInterface"):
            self._client.delete_network_interface(NetworkInterfaceId=interface_id)

    def running_instances(self, instance_ids: Sequence[str]) -> list[str]:
        found: list[str] = []
        for first in range(0, len(instance_ids), AT_ONCE):
            pages = self._client.get_paginator("describe_instances").paginate(
                Filters=[{"Name": "instance-id", "Values": list(instance_ids[first : first + AT_ONCE])}]
            )
            with calling("ec2:DescribeInstances"):
                groups = [group for page in pages for group in page.get("Reservations", [])]
            found += [
                row["InstanceId"]
                for group in groups
                for row in group.get("Instances", [])
                if row.get("State", {}).get("Name") not in _ENDED
            ]
        return found

    def tagged_instances(self, tags: Mapping[str, Sequence[str]]) -> list[TaggedInstance]:
        pages = self._client.get_paginator("describe_instances").paginate(
            Filters=[{"Name": f"tag:{key}", "Values": list(values)} for key, values in tags.items()]
        )
        with calling("ec2:DescribeInstances"):
            groups = [group for page in pages for group in page.get("Reservations", [])]
        return [
            TaggedInstance(
                instance_id=row["InstanceId"],
                tags={tag["Key"]: tag["Value"] for tag in row.get("Tags", [])},
            )
            for group in groups
            for row in group.get("Instances", [])
            if row.get("State", {}).get("Name") not in _ENDED
        ]

    def network_of(self, instance_id: str) -> DescribedNetwork:
        pages = self._client.get_paginator("describe_instances").paginate(InstanceIds=[instance_id])
        with calling("ec2:DescribeInstances"):
            groups = [group for page in pages for group in page.get("Reservations", [])]
        vpcs = [row.get("VpcId", "") for group in groups for row in group.get("Instances", [])]
        if not vpcs or not vpcs[0]:
            raise AwsNotFound("InvalidInstanceID.NotFound", instance_id, operation="ec2:DescribeInstances")
        return self.network_in(vpcs[0])

    def network_in(self, vpc_id: str) -> DescribedNetwork:
        return described_network.read(self._client, vpc_id)

    def zones(self) -> list[str]:
        with calling("ec2:DescribeAvailabilityZones"):
            answer = self._client.describe_availability_zones(
                Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}]
            )
        rows = answer.get("AvailabilityZones", [])
        return sorted(row["ZoneName"] for row in rows if row.get("State") == "available")

    def zones_by_type(self, instance_types: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {one: [] for one in instance_types}
        for first in range(0, len(instance_types), AT_ONCE):
            pages = self._client.get_paginator("describe_instance_type_offerings").paginate(
                LocationType="availability-zone",
                Filters=[{"Name": "instance-type", "Values": list(instance_types[first : first + AT_ONCE])}],
            )
            with calling("ec2:DescribeInstanceTypeOfferings"):
                rows = [row for page in pages for row in page.get("InstanceTypeOfferings", [])]
            for row in rows:
                found.setdefault(row["InstanceType"], []).append(row["Location"])
        return {name: sorted(zones) for name, zones in found.items()}
