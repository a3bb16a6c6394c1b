"""Internet gateways that stay attached while public addresses need them, and routes without a target.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html: a route whose target is not available,
for example since the gateway is not attached to the VPC, is a blackhole.
"""

from collections.abc import Callable

from ministack.services import ec2

from sanso_sandbox.engine import ec2_responses, query
from sanso_sandbox.engine.registry import (
    Action,
    Answer,
    Create,
    Created,
    Parameters,
    Properties,
    Record,
    Refused,
    handler,
)
from sanso_sandbox.services.ec2 import networks

OPEN = ("pending", "available")
"""States of a NAT gateway that a route can lead to."""


def install() -> None:
    """Install the checks, and the states of routes."""
    for name, check in (
        ("AttachInternetGateway", _check_attach),
        ("DetachInternetGateway", _check_detach),
        ("DeleteInternetGateway", lambda given: _require_detached(query.value(given, "InternetGatewayId"))),
        ("CreateRoute", _check_target),
        ("ReplaceRoute", _check_target),
    ):
        ec2._ACTION_MAP[name] = _checked(ec2._ACTION_MAP[name], check)
    attachment, gateway = handler("AWS::EC2::VPCGatewayAttachment"), handler("AWS::EC2::InternetGateway")
    attachment["create"] = _attaching(attachment["create"])
    attachment["delete"] = networks.patient(_require_unmapped_in, attachment["delete"])
    gateway["delete"] = networks.patient(_require_detached, gateway["delete"])
    ec2._rtb_fields_xml = _with_states(ec2._rtb_fields_xml)


def is_active(route: Record, vpc: str) -> bool:
    """Return whether the target of a route in a VPC's table is available."""
    target = str(route.get("NatGatewayId") or route.get("GatewayId") or "")
    if target.startswith("nat-"):
        return (ec2._nat_gateways.get(target) or {}).get("State") in OPEN
    if target.startswith("igw-"):
        return target in _gateways_of(vpc)
    if route.get("InstanceId"):
        instance = ec2._instances.get(route["InstanceId"])
        return instance is not None and instance["State"]["Name"] != "terminated"
    return not route.get("NetworkInterfaceId") or route["NetworkInterfaceId"] in ec2._network_interfaces


def _with_states(render: Callable[..., str]) -> Callable[..., str]:
    def rendered(table: Record, tag: str = "item") -> str:
        routes = [
            route | {"State": "active" if is_active(route, table["VpcId"]) else "blackhole"}
            for route in table.get("Routes", ())
        ]
        return render(table | {"Routes": routes}, tag=tag)

    return rendered


def _gateways_of(vpc: str) -> list[str]:
    return [
        key
        for key, gateway in ec2._internet_gateways.items()
        if any(one.get("VpcId") == vpc for one in gateway.get("Attachments", ()))
    ]


def _checked(action: Action, check: Callable[[Parameters], None]) -> Action:
    def checked(parameters: Parameters) -> Answer:
        try:
            check(parameters)
        except Refused as refused:
            return ec2_responses.refusal(refused)
        return action(parameters)

    return checked


def _check_attach(parameters: Parameters) -> None:
    vpc, gateway = query.value(parameters, "VpcId"), query.value(parameters, "InternetGatewayId")
    if vpc not in ec2._vpcs:
        raise Refused("InvalidVpcID.NotFound", f"The vpc ID '{vpc}' does not exist")
    _require_no_other(vpc, gateway)


def _require_no_other(vpc: str, gateway: str) -> None:
    if any(one != gateway for one in _gateways_of(vpc)):
        raise Refused("InvalidParameterValue", f"Network {vpc} already has an internet gateway attached")


def _attaching(create: Create) -> Create:
    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        if properties.get("InternetGatewayId"):
            _require_no_other(str(properties.get("VpcId")), properties["InternetGatewayId"])
        return create(logical_id, properties, stack)

    return created


def _check_detach(parameters: Parameters) -> None:
    vpc, gateway = query.value(parameters, "VpcId"), query.value(parameters, "InternetGatewayId")
    if gateway not in ec2._internet_gateways:
        raise Refused(
            "InvalidInternetGatewayID.NotFound", f"The internet gateway ID '{gateway}' does not exist"
        )
    if gateway not in _gateways_of(vpc):
        raise Refused("Gateway.NotAttached", f"resource {gateway} is not attached to network {vpc}")
    _require_unmapped(vpc)


def _require_unmapped_in(physical_id: str) -> None:
    """Raise Refused if an attachment, whose id is IGW|VPC, serves public addresses."""
    kind, _bar, vpc = physical_id.partition("|")
    if kind == "IGW":
        _require_unmapped(vpc)


def _require_unmapped(vpc: str) -> None:
    if any(one["VpcId"] == vpc and one.get("PublicIp") for one in list(ec2._network_interfaces.values())):
        raise Refused(
            "DependencyViolation",
            f"Network {vpc} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway.",
        )


def _require_detached(gateway: str) -> None:
    if (ec2._internet_gateways.get(gateway) or {}).get("Attachments"):
        raise Refused(
            "DependencyViolation", f"The internetGateway '{gateway}' has dependencies and cannot be deleted."
        )


def _check_target(parameters: Parameters) -> None:
    """Raise Refused for a route to a gateway that is not there (API_CreateRoute)."""
    table = ec2._route_tables.get(query.value(parameters, "RouteTableId")) or {}
    gateway, nat = query.value(parameters, "GatewayId"), query.value(parameters, "NatGatewayId")
    if gateway.startswith("igw-"):
        if gateway not in ec2._internet_gateways:
            raise Refused("InvalidGatewayID.NotFound", f"The gateway ID '{gateway}' does not exist")
        if table and gateway not in _gateways_of(table["VpcId"]):
            raise Refused(
                "InvalidParameterValue",
                f"route table {table['RouteTableId']} and network gateway {gateway} "
                "belong to different networks",
            )
    if nat and (ec2._nat_gateways.get(nat) or {}).get("State") not in OPEN:
        raise Refused("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat}' does not exist")
