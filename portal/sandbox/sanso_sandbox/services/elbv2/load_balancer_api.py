"""The ELB actions that create, change, describe and delete load balancers."""

from ministack.services import alb, ec2

from sanso_sandbox.engine import elbv2_responses, query
from sanso_sandbox.engine.registry import Answer, Parameters, Properties, Record, Refused
from sanso_sandbox.services.elbv2 import load_balancers


def install() -> None:
    """Install the actions."""
    alb._ACTION_MAP["CreateLoadBalancer"] = _create_action
    alb._ACTION_MAP["DeleteLoadBalancer"] = _delete_action
    alb._ACTION_MAP["DescribeLoadBalancers"] = _describe
    alb._ACTION_MAP["SetSecurityGroups"] = _set_security_groups
    alb._lb_xml = lambda record: f"<member>{query.xml(_shape(record))}</member>"


def _create_action(parameters: Parameters) -> Answer:
    properties: Properties = {
        name: query.value(parameters, name) or None for name in ("Type", "Scheme", "IpAddressType")
    }
    properties["Subnets"] = query.members(parameters, "Subnets")
    properties["SubnetMappings"] = query.structures(parameters, "SubnetMappings")
    properties["SecurityGroups"] = query.members(parameters, "SecurityGroups")
    try:
        record = load_balancers.new(query.value(parameters, "Name"), properties)
    except Refused as refused:
        return elbv2_responses.refusal(refused)
    alb._tags[record["LoadBalancerArn"]] = alb._parse_tags(parameters)
    return elbv2_responses.answer("CreateLoadBalancer", {"LoadBalancers": [_shape(record)]})


def _delete_action(parameters: Parameters) -> Answer:
    key = query.value(parameters, "LoadBalancerArn")
    try:
        load_balancers.delete(key, {})
    except Refused as refused:
        return elbv2_responses.refusal(refused)
    return elbv2_responses.answer("DeleteLoadBalancer", {})


def _set_security_groups(parameters: Parameters) -> Answer:
    record = alb._lbs.get(query.value(parameters, "LoadBalancerArn"))
    if record is None:
        return elbv2_responses.refusal(
            Refused("LoadBalancerNotFound", "One or more load balancers not found")
        )
    if record["Type"] == "network" and not record["SecurityGroups"]:
        return elbv2_responses.refusal(
            Refused(
                "InvalidConfigurationRequest",
                "Security groups cannot be set on a Network Load Balancer that was created without any",
            )
        )
    record["SecurityGroups"] = query.members(parameters, "SecurityGroups")
    load_balancers.cover_subnets(record)
    return elbv2_responses.answer("SetSecurityGroups", {"SecurityGroupIds": record["SecurityGroups"]})


def _describe(parameters: Parameters) -> Answer:
    arns = query.members(parameters, "LoadBalancerArns")
    names = query.members(parameters, "Names")
    records = list(alb._lbs.values())
    for wanted, key in ((arns, "LoadBalancerArn"), (names, "LoadBalancerName")):
        known = {record[key] for record in records}
        if not known.issuperset(wanted):
            return elbv2_responses.refusal(
                Refused("LoadBalancerNotFound", "One or more load balancers not found")
            )
        if wanted:
            records = [record for record in records if record[key] in wanted]
    return elbv2_responses.answer(
        "DescribeLoadBalancers", {"LoadBalancers": [_shape(record) for record in records]}
    )


def _shape(record: Record) -> Record:
    addresses = {
        interface["SubnetId"]: interface["PrivateIpAddress"]
        for interface in ec2._network_interfaces.values()
        if interface["Description"] == load_balancers.interface_description(record["LoadBalancerArn"])
    }
    zones = [
        {
            "ZoneName": ec2._subnets.get(subnet, {}).get("AvailabilityZone", ""),
            "SubnetId": subnet,
            "LoadBalancerAddresses": (
                [{"PrivateIPv4Address": addresses[subnet]}]
                if record["Type"] == "network" and subnet in addresses
                else []
            ),
        }
        for subnet in record["Subnets"]
    ]
    return {
        "LoadBalancerArn": record["LoadBalancerArn"],
        "LoadBalancerName": record["LoadBalancerName"],
        "DNSName": record["DNSName"],
        "CanonicalHostedZoneId": load_balancers.zone_of(record),
        "CreatedTime": record["CreatedTime"],
        "Scheme": record["Scheme"],
        "VpcId": record["VpcId"],
        "State": {"Code": record["State"]},
        "Type": record["Type"],
        "AvailabilityZones": zones,
        "SecurityGroups": record["SecurityGroups"] or None,
        "IpAddressType": record["IpAddressType"],
        "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic": record.get("_enforced"),
    }
