"""DescribeNetworkInterfaces ignores most filters (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html
"""

from ministack.services import ec2

from sanso_sandbox.engine import ec2_responses, query
from sanso_sandbox.engine.registry import Answer, Parameters, Record, Refused, here


def install() -> None:
    """Install the action."""
    ec2._ACTION_MAP["DescribeNetworkInterfaces"] = _describe


def _describe(parameters: Parameters) -> Answer:
    wanted = query.filters(parameters)
    ids = query.members(parameters, "NetworkInterfaceId")
    for interface_id in ids:
        if interface_id not in ec2._network_interfaces:
            return ec2_responses.refusal(
                Refused(
                    "InvalidNetworkInterfaceID.NotFound",
                    f"The networkInterface ID '{interface_id}' does not exist",
                )
            )
    try:
        found = [
            shape(record)
            for key, record in ec2._network_interfaces.items()
            if (not ids or key in ids) and query.matches(wanted, _filterable(record), ec2_responses.tags(key))
        ]
    except KeyError as unknown:
        return ec2_responses.refusal(Refused("InvalidParameterValue", f"The filter {unknown} is invalid"))
    return ec2_responses.answer("DescribeNetworkInterfaces", {"networkInterfaceSet": found})


def _filterable(record: Record) -> dict[str, str | list[str]]:
    attachment = record.get("Attachment") or {}
    address = record["PrivateIpAddress"]
    public = record.get("PublicIp") or ""
    return {
        "addresses.private-ip-address": address,
        "addresses.primary": "true",
        "addresses.association.public-ip": public,
        "association.public-ip": public,
        "association.allocation-id": record.get("AllocationId") or "",
        "attachment.attachment-id": attachment.get("AttachmentId") or "",
        "attachment.instance-id": attachment.get("InstanceId") or "",
        "attachment.status": attachment.get("Status") or "",
        "attachment.device-index": str(attachment.get("DeviceIndex", "")),
        "availability-zone": record["AvailabilityZone"],
        "description": record["Description"],
        "group-id": [group["GroupId"] for group in record["Groups"]],
        "group-name": [group["GroupName"] for group in record["Groups"]],
        "interface-type": record["InterfaceType"],
        "mac-address": record["MacAddress"],
        "network-interface-id": record["NetworkInterfaceId"],
        "owner-id": record["OwnerId"],
        "private-dns-name": _dns_name(address),
        "private-ip-address": address,
        "requester-id": record.get("RequesterId") or "",
        "requester-managed": str(bool(record.get("RequesterManaged"))).lower(),
        "source-dest-check": str(bool(record["SourceDestCheck"])).lower(),
        "status": record["Status"],
        "subnet-id": record["SubnetId"],
        "vpc-id": record["VpcId"],
    }


def _dns_name(address: str) -> str:
    return f"ip-{address.replace('.', '-')}.{here().region}.compute.internal"


def _owner_of_address(record: Record) -> str:
    """Return the account for its own address, else the service that assigned a public one."""
    if record.get("AllocationId"):
        return str(record["OwnerId"])
    return "amazon-elb" if record.get("RequesterId") == "amazon-elb" else "amazon"


def shape(record: Record) -> Record:
    """Return an interface as EC2 describes it."""
    attachment = record.get("Attachment")
    association = (
        {
            "allocationId": record.get("AllocationId"),
            "associationId": record.get("AssociationId"),
            "ipOwnerId": _owner_of_address(record),
            "publicIp": record["PublicIp"],
        }
        if record.get("PublicIp")
        else None
    )
    address = record["PrivateIpAddress"]
    return {
        "networkInterfaceId": record["NetworkInterfaceId"],
        "subnetId": record["SubnetId"],
        "vpcId": record["VpcId"],
        "availabilityZone": record["AvailabilityZone"],
        "description": record["Description"],
        "ownerId": record["OwnerId"],
        "requesterId": record.get("RequesterId"),
        "requesterManaged": bool(record.get("RequesterManaged")),
        "status": record["Status"],
        "macAddress": record["MacAddress"],
        "privateIpAddress": address,
        "privateDnsName": _dns_name(address),
        "sourceDestCheck": bool(record["SourceDestCheck"]),
        "interfaceType": record["InterfaceType"],
        "groupSet": [
            {"groupId": group["GroupId"], "groupName": group["GroupName"]} for group in record["Groups"]
        ],
        "attachment": attachment and {key[0].lower() + key[1:]: part for key, part in attachment.items()},
        "association": association,
        "privateIpAddressesSet": [
            {
                "privateIpAddress": address,
                "privateDnsName": _dns_name(address),
                "primary": True,
                "association": association,
            }
        ],
        "tagSet": ec2_responses.tag_set(record["NetworkInterfaceId"]),
    }
