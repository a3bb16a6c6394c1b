"""Load balancers of both kinds: ARNs and DNS names in AWS's format, a network interface in every subnet."""

from ministack.services import alb, ec2
from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine import quotas
from sanso_sandbox.engine.fixes import load_balancer_protection
from sanso_sandbox.engine.registry import (
    Created,
    Properties,
    Record,
    Refused,
    arn,
    changed,
    here,
    new_suffix,
    physical_name,
    provide,
    ready_with,
    replace,
)
from sanso_sandbox.protocols import in_use
from sanso_sandbox.services.ec2 import addresses, interfaces
from sanso_sandbox.services.elbv2 import access_logs, subnet_rules

TYPE = "AWS::ElasticLoadBalancingV2::LoadBalancer"
NAME_LIMIT = 32
KINDS = {"application": "app", "network": "net", "gateway": "gwy"}
# The default of each attribute, from "Load balancer attributes" in the documentation of each kind.
DEFAULTS = {
    "application": {
        "access_logs.s3.enabled": "false",
        "access_logs.s3.bucket": "",
        "access_logs.s3.prefix": "",
        "idle_timeout.timeout_seconds": "60",
        "deletion_protection.enabled": "false",
        "load_balancing.cross_zone.enabled": "true",
        "routing.http2.enabled": "true",
        "routing.http.drop_invalid_header_fields.enabled": "false",
        "routing.http.desync_mitigation_mode": "defensive",
        "routing.http.preserve_host_header.enabled": "false",
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
        "routing.http.xff_client_port.enabled": "false",
        "routing.http.xff_header_processing.mode": "append",
        "waf.fail_open.enabled": "false",
        "client_keep_alive.seconds": "3600",
    },
    "network": {
        "access_logs.s3.enabled": "false",
        "access_logs.s3.bucket": "",
        "access_logs.s3.prefix": "",
        "deletion_protection.enabled": "false",
        "load_balancing.cross_zone.enabled": "false",
        "dns_record.client_routing_policy": "any_availability_zone",
    },
}
REPLACING = ("Name", "Scheme", "Type")


def install() -> None:
    """Install the resource type."""
    provide(TYPE, _create, delete, _update)
    ready_with(TYPE, _activate)


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    """Create a load balancer. Ref is the ARN; GetAtt: aws-resource-elasticloadbalancingv2-loadbalancer."""
    name = properties.get("Name") or physical_name(stack, logical_id, longest=NAME_LIMIT)
    access_logs.require_writable(properties.get("LoadBalancerAttributes") or ())
    record = new(name, properties)
    record["State"] = "provisioning"
    key = record["LoadBalancerArn"]
    alb._tags[key] = provisioners._elbv2_tags(properties.get("Tags"))
    provisioners._elbv2_merge_attributes(alb._lb_attrs[key], properties.get("LoadBalancerAttributes"))
    return key, _attributes(record)


def _activate(physical_id: str) -> None:
    record = alb._lbs.get(physical_id)
    if record is not None:
        record["State"] = "active"


def new(name: str, properties: Properties) -> Record:
    """Store a load balancer with an interface in each subnet. Raises Refused like CreateLoadBalancer."""
    kind = properties.get("Type") or "application"
    subnets = _subnets(properties)
    _require_name(name)
    if not subnets:
        raise Refused("ValidationError", "At least one subnet must be specified")
    vpc = _vpc(subnets)
    subnet_rules.require_room(kind, subnets)
    quotas.require("load_balancers_" + kind, sum(one["Type"] == kind for one in alb._lbs.values()))
    scheme = properties.get("Scheme") or "internet-facing"
    suffix = new_suffix()
    region = here().region
    host = f"internal-{name}" if scheme == "internal" and kind == "application" else name
    domain = f"elb.{region}.amazonaws.com" if kind == "network" else f"{region}.elb.amazonaws.com"
    number = suffix if kind == "network" else str(int(suffix[:8], 36) % 1_900_000_000 + 100_000_000)
    key = arn("elasticloadbalancing", f"loadbalancer/{KINDS[kind]}/{name}/{suffix}")
    record = {
        "LoadBalancerArn": key,
        "LoadBalancerName": name,
        "DNSName": in_use.balancers().name_of(key, kind, f"{host}-{number}.{domain}"),
        "Scheme": scheme,
        "VpcId": vpc,
        "State": "active",
        "Type": kind,
        "Subnets": subnets,
        "SecurityGroups": _security_groups(properties, kind, subnets),
        "IpAddressType": properties.get("IpAddressType") or "ipv4",
        "CreatedTime": alb._now_iso(),
        "_enforced": properties.get("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"),
    }
    alb._lbs[key] = record
    alb._lb_attrs[key] = [{"Key": name, "Value": default} for name, default in DEFAULTS[kind].items()]
    cover_subnets(record)
    return record


def _require_name(name: str) -> None:
    if any(record["LoadBalancerName"] == name for record in alb._lbs.values()):
        raise Refused(
            "DuplicateLoadBalancerName",
            "A load balancer with the same name exists, but with different settings",
        )
    if len(name) > NAME_LIMIT or name.startswith(("internal-", "-")) or name.endswith("-"):
        raise Refused("ValidationError", f"The load balancer name '{name}' is not valid")


def _subnets(properties: Properties) -> list[str]:
    listed: list[str] = provisioners._elbv2_as_list(properties.get("Subnets"))
    return listed or [mapping["SubnetId"] for mapping in properties.get("SubnetMappings") or []]


def _vpc(subnets: list[str]) -> str:
    known = [ec2._subnets.get(subnet) for subnet in subnets]
    for subnet_id, subnet in zip(subnets, known, strict=True):
        if subnet is None:
            raise Refused("SubnetNotFound", f"The subnet ID '{subnet_id}' does not exist")
    networks = {subnet["VpcId"] for subnet in known if subnet}
    if len(networks) > 1:
        raise Refused("InvalidConfigurationRequest", "All subnets must belong to the same VPC")
    return str(networks.pop())


def _security_groups(properties: Properties, kind: str, subnets: list[str]) -> list[str]:
    """Return the groups; by default the VPC's for an application load balancer, none for a network one."""
    groups: list[str] = provisioners._elbv2_as_list(properties.get("SecurityGroups"))
    for group in groups:
        if group not in ec2._security_groups:
            raise Refused("InvalidSecurityGroup", f"One or more security groups are invalid: {group}")
    if not groups and kind == "application":
        return interfaces.default_groups(subnets[0])
    return groups


def cover_subnets(record: Record) -> None:
    """Create or remove interfaces for the load balancer's subnets, with AWS's description."""
    description = interface_description(record["LoadBalancerArn"])
    have = {
        interface["SubnetId"]: interface
        for interface in ec2._network_interfaces.values()
        if interface["Description"] == description
    }
    for subnet_id in record["Subnets"]:
        if subnet_id not in have:
            network = record["Type"] == "network"
            interface = interfaces.add(
                subnet_id,
                description,
                record["SecurityGroups"],
                kind="network_load_balancer" if network else "interface",
                requester="amazon-elb",
            )
            interface["PublicIp"] = addresses.public_address() if record["Scheme"] != "internal" else None
    for subnet_id, interface in have.items():
        if subnet_id not in record["Subnets"]:
            interfaces.remove(interface_id=interface["NetworkInterfaceId"])
        else:
            interface["Groups"] = [
                {"GroupId": group, "GroupName": ec2._security_groups.get(group, {}).get("GroupName", group)}
                for group in record["SecurityGroups"]
            ]


def interface_description(load_balancer: str) -> str:
    """Return the description of a load balancer's interfaces: "ELB net/NAME/SUFFIX"."""
    return "ELB " + load_balancer.partition(":loadbalancer/")[2]


def _attributes(record: Record) -> dict[str, object]:
    key = record["LoadBalancerArn"]
    return {
        "Arn": key,
        "LoadBalancerArn": key,
        "LoadBalancerName": record["LoadBalancerName"],
        "DNSName": record["DNSName"],
        "LoadBalancerFullName": key.partition(":loadbalancer/")[2],
        "CanonicalHostedZoneID": zone_of(record),
        "SecurityGroups": record["SecurityGroups"],
    }


def zone_of(record: Record) -> str:
    """Return the hosted zone of a load balancer's DNS name."""
    # The hosted zones in ap-northeast-1 for application and for network load balancers.
    return "Z31USIVHYNEOWT" if record["Type"] == "network" else "Z14GRHDCWA56QT"


def _update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
    record = alb._lbs.get(physical_id)
    gained_groups = bool(new.get("SecurityGroups")) != bool(old.get("SecurityGroups"))
    network = record is not None and record["Type"] == "network"
    if record is None or changed(old, new, *REPLACING) or (network and gained_groups):
        return replace(_create, delete, physical_id, old, new, stack, logical_id)
    subnets = _subnets(new)
    access_logs.require_writable(new.get("LoadBalancerAttributes") or ())
    _vpc(subnets)
    subnet_rules.require_room(record["Type"], subnets, record["Subnets"])
    record["IpAddressType"] = new.get("IpAddressType") or "ipv4"
    record["Subnets"] = subnets
    record["SecurityGroups"] = _security_groups(new, record["Type"], record["Subnets"])
    cover_subnets(record)
    provisioners._elbv2_merge_attributes(alb._lb_attrs[physical_id], new.get("LoadBalancerAttributes"))
    provisioners._reconcile_tag_list(alb._tags.setdefault(physical_id, []), old, new)
    return physical_id, _attributes(record)


def delete(physical_id: str, properties: Properties) -> None:
    """Delete a load balancer, its listeners and interfaces. Raises Refused if it is protected."""
    load_balancer_protection.require_unprotected(physical_id)
    provisioners._elbv2_load_balancer_delete(physical_id, properties)
    interfaces.remove(description=interface_description(physical_id))
