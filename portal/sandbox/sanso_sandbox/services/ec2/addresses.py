"""Elastic IP addresses and NAT gateways, with the addresses of NAT gateways."""

import secrets
from typing import Any, Final

from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine import ec2_responses, heartbeat, query, quotas, time_scale
from sanso_sandbox.engine.registry import (
    Answer,
    Created,
    Parameters,
    Properties,
    Record,
    Refused,
    Scope,
    changed,
    here,
    new_id,
    provide,
    ready_with,
    replace,
)
from sanso_sandbox.engine.time_scale import Wait
from sanso_sandbox.services.ec2 import interfaces

NAT_GATEWAY: Final = "AWS::EC2::NatGateway"


_opening: dict[tuple[Scope, str], Wait] = {}
_closing: dict[tuple[Scope, str], Wait] = {}


def install() -> None:
    """Install the two resource types and their actions."""
    heartbeat.listen(ec2._nat_gateways, _advance)
    provide("AWS::EC2::EIP", _allocate, _release, _update_address)
    provide(NAT_GATEWAY, _create_gateway, _delete_gateway, _update_gateway)
    ready_with(NAT_GATEWAY, _open_gateway)
    ec2._ACTION_MAP["CreateNatGateway"] = _create_nat_gateway
    ec2._ACTION_MAP["DescribeNatGateways"] = _describe_nat_gateways
    ec2._ACTION_MAP["DeleteNatGateway"] = _delete_nat_gateway


def _allocate(logical_id: str, properties: Properties, stack: str) -> Created:
    """Allocate an address, which is Ref; GetAtt has AllocationId and PublicIp (aws-resource-ec2-eip)."""
    allocation = new_id("eipalloc")
    address = public_address()
    ec2._addresses[allocation] = {
        "AllocationId": allocation,
        "PublicIp": address,
        "Domain": "vpc",
        "AssociationId": None,
        "InstanceId": properties.get("InstanceId"),
        "NetworkInterfaceId": None,
        "PrivateIpAddress": None,
    }
    provisioners._ec2_apply_tags(allocation, properties)
    return address, {"AllocationId": allocation, "PublicIp": address}


def public_address() -> str:
    """Return a random public address."""
    return f"52.{secrets.randbelow(190) + 10}.{secrets.randbelow(254)}.{secrets.randbelow(253) + 1}"


def _update_address(
    physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
) -> Created:
    record = _address(physical_id)
    if record is None or changed(
        old, new, "Domain", "NetworkBorderGroup", "TransferAddress", "PublicIpv4Pool"
    ):
        return replace(_allocate, _release, physical_id, old, new, stack, logical_id)
    record["InstanceId"] = new.get("InstanceId")
    provisioners._ec2_apply_tags(record["AllocationId"], new, old)
    return physical_id, {"AllocationId": record["AllocationId"], "PublicIp": physical_id}


def _release(physical_id: str, properties: Properties) -> None:
    record = _address(physical_id)
    if record is None:
        return
    if record["AssociationId"]:
        raise Refused(
            "InvalidIPAddress.InUse",
            f"The address with allocation id [{record['AllocationId']}] is in use by "
            f"network interface [{record['NetworkInterfaceId']}].",
        )
    ec2._addresses.pop(record["AllocationId"], None)
    ec2._tags.pop(record["AllocationId"], None)


def _address(public_ip: str) -> Record | None:
    return next((record for record in ec2._addresses.values() if record["PublicIp"] == public_ip), None)


def _create_gateway(logical_id: str, properties: Properties, stack: str) -> Created:
    gateway = _new_gateway(
        properties.get("SubnetId", ""),
        properties.get("AllocationId"),
        properties.get("ConnectivityType", "public"),
    )
    provisioners._ec2_apply_tags(gateway, properties)
    return gateway, {"NatGatewayId": gateway}


def _open_gateway(physical_id: str) -> None:
    gateway = ec2._nat_gateways.get(physical_id)
    if gateway is not None and gateway["State"] == "pending":
        gateway["State"] = "available"


def _new_gateway(subnet_id: str, allocation: str | None, connectivity: str) -> str:
    subnet = ec2._subnets.get(subnet_id)
    if subnet is None:
        raise Refused("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
    elastic = ec2._addresses.get(allocation or "")
    if connectivity == "public" and elastic is None:
        raise Refused(
            "InvalidElasticIpID.NotFound",
            f"Elastic IP address [{allocation}] could not be found in this region",
        )
    if elastic is not None and elastic["AssociationId"]:
        raise Refused(
            "Resource.AlreadyAssociated", f"Elastic IP address [{allocation}] is already associated"
        )
    zone = subnet["AvailabilityZone"]
    quotas.require("nat_gateways_per_zone", sum(_is_live_in(zone, one) for one in ec2._nat_gateways.values()))
    gateway = new_id("nat")
    interface = interfaces.add(
        subnet_id, f"Interface for NAT Gateway {gateway}", kind="nat_gateway", requester="amazon-nat"
    )
    if elastic is not None:
        _associate(elastic, interface)
    ec2._nat_gateways[gateway] = {
        "NatGatewayId": gateway,
        "SubnetId": subnet_id,
        "VpcId": subnet["VpcId"],
        "AllocationId": allocation or "",
        "ConnectivityType": connectivity,
        "State": "pending",
        "CreateTime": ec2._now_ts(),
        "Tags": [],
        "_interface": interface["NetworkInterfaceId"],
        "_addresses": _gateway_addresses(elastic, interface),
    }
    return gateway


def _is_live_in(zone: str, gateway: Record) -> bool:
    subnet = ec2._subnets.get(gateway["SubnetId"]) or {}
    return gateway["State"] in ("pending", "available") and subnet.get("AvailabilityZone") == zone


def _associate(elastic: Record, interface: Record) -> None:
    elastic.update(
        AssociationId=new_id("eipassoc"),
        NetworkInterfaceId=interface["NetworkInterfaceId"],
        PrivateIpAddress=interface["PrivateIpAddress"],
    )
    interface.update(
        PublicIp=elastic["PublicIp"],
        AllocationId=elastic["AllocationId"],
        AssociationId=elastic["AssociationId"],
    )


def _gateway_addresses(elastic: Record | None, interface: Record) -> list[dict[str, Any]]:
    return [
        {
            "allocationId": elastic and elastic["AllocationId"],
            "associationId": elastic and elastic["AssociationId"],
            "networkInterfaceId": interface["NetworkInterfaceId"],
            "privateIp": interface["PrivateIpAddress"],
            "publicIp": elastic and elastic["PublicIp"],
            "isPrimary": True,
            "status": "succeeded",
        }
    ]


def _update_gateway(
    physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
) -> Created:
    replaced = changed(old, new, "SubnetId", "AllocationId", "ConnectivityType", "PrivateIpAddress")
    if replaced or physical_id not in ec2._nat_gateways:
        return replace(_create_gateway, _delete_gateway, physical_id, old, new, stack, logical_id)
    provisioners._ec2_apply_tags(physical_id, new, old)
    return physical_id, {"NatGatewayId": physical_id}


def _delete_gateway(physical_id: str, properties: Properties) -> None:
    """Mark the gateway as deleted: it stays listed for an hour on AWS, and until a reset here."""
    gateway = ec2._nat_gateways.get(physical_id)
    if gateway is None or gateway["State"] == "deleted":
        return
    gateway["State"] = "deleted"
    gateway["DeleteTime"] = ec2._now_ts()
    interfaces.remove(interface_id=gateway.get("_interface"))
    elastic = ec2._addresses.get(gateway["AllocationId"])
    if elastic is not None:
        elastic.update(AssociationId=None, NetworkInterfaceId=None, PrivateIpAddress=None)


def _create_nat_gateway(parameters: Parameters) -> Answer:
    try:
        gateway = _new_gateway(
            query.value(parameters, "SubnetId"),
            query.value(parameters, "AllocationId") or None,
            query.value(parameters, "ConnectivityType", "public"),
        )
    except Refused as refused:
        return ec2_responses.refusal(refused)
    ec2._parse_tag_specs(parameters, "natgateway", gateway)
    _opening[here(), gateway] = Wait(time_scale.of_create(NAT_GATEWAY))
    return ec2_responses.answer(
        "CreateNatGateway", {"natGateway": _gateway_shape(ec2._nat_gateways[gateway])}
    )


def _delete_nat_gateway(parameters: Parameters) -> Answer:
    """Let a gateway close, which takes a while; it serves no connections meanwhile."""
    gateway = query.value(parameters, "NatGatewayId")
    if gateway not in ec2._nat_gateways:
        return ec2_responses.refusal(Refused("NatGatewayNotFound", f"NatGateway {gateway} was not found"))
    if ec2._nat_gateways[gateway]["State"] != "deleted":
        ec2._nat_gateways[gateway]["State"] = "deleting"
        _closing.setdefault((here(), gateway), Wait(time_scale.of_delete(NAT_GATEWAY)))
    return ec2_responses.answer("DeleteNatGateway", {"natGatewayId": gateway})


def _advance() -> None:
    """Open and close the gateways of this scope whose time has come."""
    for waiting, finish in ((_opening, _open_gateway), (_closing, lambda key: _delete_gateway(key, {}))):
        for (scope, gateway), wait in list(waiting.items()):
            if scope == here() and wait.is_over():
                waiting.pop((scope, gateway), None)
                finish(gateway)


def _describe_nat_gateways(parameters: Parameters) -> Answer:
    ids = query.members(parameters, "NatGatewayId")
    wanted = query.filters(parameters)
    found = []
    for key, gateway in ec2._nat_gateways.items():
        have = {
            "nat-gateway-id": key,
            "state": gateway["State"],
            "subnet-id": gateway["SubnetId"],
            "vpc-id": gateway["VpcId"],
        }
        if (not ids or key in ids) and query.matches(wanted, have, ec2_responses.tags(key)):
            found.append(_gateway_shape(gateway))
    return ec2_responses.answer("DescribeNatGateways", {"natGatewaySet": found})


def _gateway_shape(gateway: Record) -> Record:
    return {
        "natGatewayId": gateway["NatGatewayId"],
        "subnetId": gateway["SubnetId"],
        "vpcId": gateway["VpcId"],
        "state": gateway["State"],
        "connectivityType": gateway["ConnectivityType"],
        "createTime": gateway["CreateTime"],
        "deleteTime": gateway.get("DeleteTime"),
        "natGatewayAddressSet": gateway["_addresses"],
        "tagSet": ec2_responses.tag_set(gateway["NatGatewayId"]),
    }
