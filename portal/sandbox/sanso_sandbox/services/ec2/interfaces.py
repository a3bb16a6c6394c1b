"""Network interfaces with private addresses of their subnets."""

import ipaddress
import threading
from collections.abc import Iterable

from ministack.services import ec2

from sanso_sandbox.engine import ec2_responses, query
from sanso_sandbox.engine.fixes import network_interface_filters
from sanso_sandbox.engine.registry import Answer, Parameters, Record, Refused, here, new_id

FIRST_HOST = 4  # AWS reserves a subnet's first four addresses and its last one

# Held from the choice of an address until the record with it is stored.
addresses = threading.RLock()


def install() -> None:
    """Install the action."""
    ec2._ACTION_MAP["CreateNetworkInterface"] = _create


def free_address(subnet_id: str) -> str:
    """Return an unused private address of the subnet; hold `addresses` until it is stored.

    Raises Refused if the subnet is unknown or full.
    """
    subnet = ec2._subnets.get(subnet_id)
    if subnet is None:
        raise Refused("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
    network = ipaddress.ip_network(subnet["CidrBlock"])
    used = {record["PrivateIpAddress"] for record in ec2._network_interfaces.values()}
    used |= {
        instance["PrivateIpAddress"]
        for instance in ec2._instances.values()
        if instance["State"]["Name"] != "terminated"
    }
    for offset in range(FIRST_HOST, network.num_addresses - 1):
        address = str(network[offset])
        if address not in used:
            return address
    raise Refused(
        "InsufficientFreeAddressesInSubnet",
        f"There are not enough free addresses in subnet '{subnet_id}' to satisfy the request.",
    )


def add(
    subnet_id: str,
    description: str,
    groups: Iterable[str] = (),
    *,
    kind: str = "interface",
    requester: str | None = None,
    instance_id: str | None = None,
) -> Record:
    """Create an attached interface with a private address of the subnet.

    Args:
        kind: EC2's interface type, such as "interface", "network_load_balancer" or "nat_gateway".
        requester: the AWS service that manages the interface; None for an interface of the account.
    """
    with addresses:
        address = free_address(subnet_id)
        subnet = ec2._subnets[subnet_id]
        interface_id = new_id("eni")
        record: Record = {
            "NetworkInterfaceId": interface_id,
            "SubnetId": subnet_id,
            "VpcId": subnet["VpcId"],
            "AvailabilityZone": subnet["AvailabilityZone"],
            "Description": description,
            "OwnerId": here().account,
            "RequesterId": requester,
            "RequesterManaged": requester is not None,
            "Status": "in-use",
            "PrivateIpAddress": address,
            "InterfaceType": kind,
            "SourceDestCheck": kind == "interface",
            "MacAddress": _hardware_address(address),
            "Groups": group_records(groups),
            "Attachment": _attachment(instance_id, requester),
            "PublicIp": None,
        }
        ec2._network_interfaces[interface_id] = record
    return record


def remove(
    *, description: str | None = None, instance_id: str | None = None, interface_id: str | None = None
) -> None:
    """Delete the interfaces with this description, of this instance, or with this id."""
    for key, record in list(ec2._network_interfaces.items()):
        attached = (record.get("Attachment") or {}).get("InstanceId")
        if (
            (description is not None and record["Description"] == description)
            or (instance_id is not None and attached == instance_id)
            or key == interface_id
        ):
            ec2._network_interfaces.pop(key, None)
            ec2._tags.pop(key, None)


def default_groups(subnet_id: str) -> list[str]:
    """Return the default security group of a subnet's VPC, which interfaces without groups get.

    https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
    """
    vpc = (ec2._subnets.get(subnet_id) or {}).get("VpcId")
    default = (ec2._vpcs.get(vpc) or {}).get("DefaultSecurityGroupId")
    return [str(default)] if default in ec2._security_groups else []


def group_records(groups: Iterable[str]) -> list[Record]:
    """Return security groups as the record of an interface has them."""
    return [{"GroupId": group, "GroupName": _group_name(group)} for group in groups]


def _group_name(group_id: str) -> str:
    return str(ec2._security_groups.get(group_id, {}).get("GroupName", group_id))


def _hardware_address(address: str) -> str:
    octets = [int(part) for part in address.split(".")]
    return "06:5a:" + ":".join(f"{octet:02x}" for octet in octets)


def _attachment(instance_id: str | None, requester: str | None) -> Record:
    return {
        "AttachmentId": new_id("eni-attach"),
        "InstanceId": instance_id,
        "InstanceOwnerId": requester or here().account,
        "DeviceIndex": 0 if instance_id else 1,
        "Status": "attached",
        "AttachTime": ec2._now_ts(),
        "DeleteOnTermination": True,
    }


def _create(parameters: Parameters) -> Answer:
    subnet_id = query.value(parameters, "SubnetId")
    try:
        record = add(
            subnet_id,
            query.value(parameters, "Description"),
            query.members(parameters, "SecurityGroupId") or default_groups(subnet_id),
        )
    except Refused as refused:
        return ec2_responses.refusal(refused)
    record.update(Status="available", Attachment=None)
    ec2._parse_tag_specs(parameters, "network-interface", record["NetworkInterfaceId"])
    return ec2_responses.answer(
        "CreateNetworkInterface", {"networkInterface": network_interface_filters.shape(record)}
    )
