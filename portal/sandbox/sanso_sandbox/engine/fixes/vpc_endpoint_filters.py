"""DescribeVpcEndpoints ignores filters (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpoints.html
"""

from ministack.services import ec2

from sanso_sandbox.engine import ec2_responses, query
from sanso_sandbox.engine.registry import Answer, Parameters, Record


def install() -> None:
    """Install the action."""
    ec2._ACTION_MAP["DescribeVpcEndpoints"] = _describe_endpoints


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
        if (not ids or key in ids) and query.matches(wanted, have, ec2_responses.tags(key)):
            found.append(_endpoint_shape(record))
    return ec2_responses.answer("DescribeVpcEndpoints", {"vpcEndpointSet": found})


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
        "tagSet": ec2_responses.tag_set(record["VpcEndpointId"]),
    }
