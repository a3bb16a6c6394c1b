"""VPC endpoints with their interfaces, and subnets and VPCs that cannot go while something is in them."""

import time
from collections.abc import Callable

from ministack.services import ec2

from portal.sandbox.engine import query
from portal.sandbox.engine.registry import (
    Answer,
    Create,
    Created,
    Delete,
    Parameters,
    Properties,
    Record,
    Refused,
    handler,
    here,
)
from portal.sandbox.engine.time_scale import shortened
from portal.sandbox.services.ec2 import interfaces, responses

RETRY = 0.2  # seconds between two tries to delete something that is still in use


def install() -> None:
    """Put the wrapped handlers and the actions in place."""
    endpoint = handler("AWS::EC2::VPCEndpoint")
    endpoint["create"] = _endpoint_creator(endpoint["create"])
    endpoint["delete"] = _endpoint_deleter(endpoint["delete"])
    ec2._ACTION_MAP["DescribeVpcEndpoints"] = _describe_endpoints
    subnet = handler("AWS::EC2::Subnet")
    subnet["delete"] = _patient(_require_empty_subnet, subnet["delete"])
    delete_subnet = ec2._delete_subnet
    ec2._ACTION_MAP["DeleteSubnet"] = lambda parameters: _delete_subnet(parameters, delete_subnet)
    group = handler("AWS::EC2::SecurityGroup")
    group["delete"] = _patient(lambda _physical_id: None, group["delete"])


def _endpoint_creator(create: Create) -> Create:
    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        endpoint_id, attributes = create(logical_id, properties, stack)
        record = ec2._vpc_endpoints[endpoint_id]
        if record["VpcEndpointType"] == "Interface":
            for subnet_id in record["SubnetIds"]:
                interface = interfaces.add(
                    subnet_id,
                    f"VPC Endpoint Interface {endpoint_id}",
                    record["SecurityGroupIds"],
                    kind="vpc_endpoint",
                    requester="amazon-vpce",
                )
                record["NetworkInterfaceIds"].append(interface["NetworkInterfaceId"])
            service = record["ServiceName"].rsplit(".", 1)[-1]
            record["DnsEntries"] = [
                f"Z2E726K9Y6RL4W:{endpoint_id}.{service}.{here().region}.vpce.amazonaws.com"
            ]
            attributes |= {
                "NetworkInterfaceIds": record["NetworkInterfaceIds"],
                "DnsEntries": record["DnsEntries"],
            }
        return endpoint_id, attributes

    return created


def _endpoint_deleter(delete: Delete) -> Delete:
    def deleted(physical_id: str, properties: Properties) -> None:
        interfaces.remove(description=f"VPC Endpoint Interface {physical_id}")
        delete(physical_id, properties)

    return deleted


def _describe_endpoints(parameters: Parameters) -> Answer:
    ids = query.members(parameters, "VpcEndpointId")
    wanted = query.filters(parameters)
    found = []
    for key, record in ec2._vpc_endpoints.items():
        have: dict[str, str | list[str]] = {
            "service-name": record["ServiceName"],
            "vpc-endpoint-id": key,
            "vpc-endpoint-state": record["State"],
            "vpc-endpoint-type": record["VpcEndpointType"],
            "vpc-id": record["VpcId"],
        }
        if (not ids or key in ids) and query.matches(wanted, have, responses.tags(key)):
            found.append(_endpoint_shape(record))
    return responses.answer("DescribeVpcEndpoints", {"vpcEndpointSet": found})


def _endpoint_shape(record: Record) -> Record:
    groups = [
        {"groupId": group, "groupName": ec2._security_groups.get(group, {}).get("GroupName", "")}
        for group in record.get("SecurityGroupIds", [])
    ]
    return {
        "vpcEndpointId": record["VpcEndpointId"],
        "vpcEndpointType": record["VpcEndpointType"],
        "vpcId": record["VpcId"],
        "serviceName": record["ServiceName"],
        "state": record["State"],
        "ownerId": record["OwnerId"],
        "privateDnsEnabled": bool(record.get("PrivateDnsEnabled")),
        "creationTimestamp": record.get("CreationTimestamp"),
        "routeTableIdSet": record.get("RouteTableIds", []),
        "subnetIdSet": record.get("SubnetIds", []),
        "networkInterfaceIdSet": record.get("NetworkInterfaceIds", []),
        "groupSet": groups,
        "dnsEntrySet": [{"dnsName": entry.partition(":")[2]} for entry in record.get("DnsEntries", [])],
        "tagSet": responses.tag_set(record["VpcEndpointId"]),
    }


def _require_empty_subnet(subnet_id: str) -> None:
    occupied = interfaces.users_of_subnet(subnet_id) or any(
        instance["SubnetId"] == subnet_id and instance["State"]["Name"] != "terminated"
        for instance in ec2._instances.values()
    )
    if occupied:
        raise Refused(
            "DependencyViolation", f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
        )


def _delete_subnet(parameters: Parameters, delete: Callable[[Parameters], Answer]) -> Answer:
    try:
        _require_empty_subnet(query.value(parameters, "SubnetId"))
    except Refused as refused:
        return responses.refusal(refused)
    return delete(parameters)


def _patient(check: Callable[[str], None], delete: Delete) -> Delete:
    """CloudFormation tries again for some minutes while what it deletes is used by something leaving."""

    def deleted(physical_id: str, properties: Properties) -> None:
        deadline = time.monotonic() + shortened(300, at_least=3)
        while True:
            try:
                check(physical_id)
                return delete(physical_id, properties)
            except Refused:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(RETRY)

    return deleted
