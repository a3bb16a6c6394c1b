"""Target groups: the defaults and attributes of their protocols."""

from ministack.services import alb
from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine import elbv2_responses, query, quotas
from sanso_sandbox.engine.fixes import target_group_in_use
from sanso_sandbox.engine.registry import (
    Answer,
    Created,
    Parameters,
    Properties,
    Record,
    Refused,
    arn,
    changed,
    new_suffix,
    physical_name,
    provide,
    replace,
    truth,
)
from sanso_sandbox.services.elbv2 import targets

NAME_LIMIT = 32
HTTP = ("HTTP", "HTTPS")
REPLACING = ("Name", "Port", "Protocol", "ProtocolVersion", "TargetType", "VpcId", "IpAddressType")
SHARED = {
    "deregistration_delay.timeout_seconds": "300",
    "stickiness.enabled": "false",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}
APPLICATION = {
    "stickiness.type": "lb_cookie",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.app_cookie.duration_seconds": "86400",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "slow_start.duration_seconds": "0",
}
NETWORK = {
    "stickiness.type": "source_ip",
    "preserve_client_ip.enabled": "true",
    "proxy_protocol_v2.enabled": "false",
    "deregistration_delay.connection_termination.enabled": "false",
    "target_health_state.unhealthy.connection_termination.enabled": "true",
    "target_health_state.unhealthy.draining_interval_seconds": "0",
}


def install() -> None:
    """Install the resource type and the actions."""
    provide("AWS::ElasticLoadBalancingV2::TargetGroup", _create, _delete, _update)
    alb._ACTION_MAP["CreateTargetGroup"] = _create_action
    alb._ACTION_MAP["DescribeTargetGroups"] = _describe
    alb._ACTION_MAP["DeleteTargetGroup"] = _delete_action
    alb._tg_xml = lambda group: f"<member>{query.xml(_shape(group))}</member>"


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("Name") or physical_name(stack, logical_id, longest=NAME_LIMIT)
    group = _new(name, properties)
    key = group["TargetGroupArn"]
    alb._tags[key] = provisioners._elbv2_tags(properties.get("Tags"))
    provisioners._elbv2_merge_attributes(alb._tg_attrs[key], properties.get("TargetGroupAttributes"))
    for target in properties.get("Targets") or []:
        targets.register(key, target["Id"], int(target.get("Port") or group["Port"]))
    return key, _attributes(group)


def _new(name: str, properties: Properties) -> Record:
    if len(name) > NAME_LIMIT or name.startswith("-") or name.endswith("-"):
        raise Refused(
            "ValidationError", f"Target group name '{name}' cannot be longer than '{NAME_LIMIT}' characters"
        )
    if any(group["TargetGroupName"] == name for group in alb._tgs.values()):
        raise Refused("DuplicateTargetGroupName", f"A target group with the same name '{name}' exists")
    quotas.require("target_groups", len(alb._tgs))
    key = arn("elasticloadbalancing", f"targetgroup/{name}/{new_suffix()}")
    protocol = properties.get("Protocol") or "HTTP"
    group: Record = {
        "TargetGroupArn": key,
        "TargetGroupName": name,
        "Protocol": protocol,
        "Port": int(properties.get("Port") or 80),
        "VpcId": properties.get("VpcId") or "",
        "TargetType": properties.get("TargetType") or "instance",
        "ProtocolVersion": (properties.get("ProtocolVersion") or "HTTP1") if protocol in HTTP else None,
        "IpAddressType": properties.get("IpAddressType") or "ipv4",
        "LoadBalancerArns": [],
        **_health_check(protocol, properties),
    }
    alb._tgs[key] = group
    alb._targets[key] = []
    kind = APPLICATION if protocol in HTTP else NETWORK
    alb._tg_attrs[key] = [{"Key": name, "Value": default} for name, default in {**SHARED, **kind}.items()]
    return group


def _health_check(protocol: str, properties: Properties) -> Record:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html"""
    check = properties.get("HealthCheckProtocol") or (protocol if protocol in HTTP else "TCP")
    timeout = 5 if protocol in HTTP else (6 if check in HTTP else 10)
    matcher = properties.get("Matcher") or {}
    default_codes = "200" if protocol in HTTP else "200-399"
    by_http: Record = {"HealthCheckPath": None, "Matcher": {}}
    if check in HTTP:
        by_http = {
            "HealthCheckPath": properties.get("HealthCheckPath") or "/",
            "Matcher": {"HttpCode": str(matcher.get("HttpCode") or default_codes)},
        }
    return {
        "HealthCheckProtocol": check,
        "HealthCheckPort": str(properties.get("HealthCheckPort") or "traffic-port"),
        "HealthCheckEnabled": truth(properties.get("HealthCheckEnabled"), default=True),
        "HealthCheckIntervalSeconds": int(properties.get("HealthCheckIntervalSeconds") or 30),
        "HealthCheckTimeoutSeconds": int(properties.get("HealthCheckTimeoutSeconds") or timeout),
        "HealthyThresholdCount": int(properties.get("HealthyThresholdCount") or 5),
        "UnhealthyThresholdCount": int(properties.get("UnhealthyThresholdCount") or 2),
        **by_http,
    }


def _attributes(group: Record) -> dict[str, object]:
    key = group["TargetGroupArn"]
    return {
        "TargetGroupArn": key,
        "TargetGroupName": group["TargetGroupName"],
        "TargetGroupFullName": key.rpartition(":")[2],
        "LoadBalancerArns": target_group_in_use.load_balancers_of(key),
    }


def _update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
    group = alb._tgs.get(physical_id)
    if group is None or changed(old, new, *REPLACING):
        return replace(_create, _delete, physical_id, old, new, stack, logical_id)
    group.update(_health_check(group["Protocol"], new))
    provisioners._elbv2_merge_attributes(alb._tg_attrs[physical_id], new.get("TargetGroupAttributes"))
    provisioners._reconcile_tag_list(alb._tags.setdefault(physical_id, []), old, new)
    return physical_id, _attributes(group)


def _delete(physical_id: str, properties: Properties) -> None:
    target_group_in_use.require_unused(physical_id)
    provisioners._elbv2_target_group_delete(physical_id, properties)


def _create_action(parameters: Parameters) -> Answer:
    names = (
        *(
            "Protocol",
            "Port",
            "VpcId",
            "TargetType",
            "ProtocolVersion",
            "IpAddressType",
            "HealthCheckProtocol",
        ),
        *("HealthCheckPort", "HealthCheckEnabled", "HealthCheckPath", "HealthCheckIntervalSeconds"),
        *("HealthCheckTimeoutSeconds", "HealthyThresholdCount", "UnhealthyThresholdCount"),
    )
    properties: Properties = {name: query.value(parameters, name) or None for name in names}
    properties["Matcher"] = {"HttpCode": query.value(parameters, "Matcher.HttpCode") or None}
    try:
        group = _new(query.value(parameters, "Name"), properties)
    except Refused as refused:
        return elbv2_responses.refusal(refused)
    alb._tags[group["TargetGroupArn"]] = alb._parse_tags(parameters)
    return elbv2_responses.answer("CreateTargetGroup", {"TargetGroups": [_shape(group)]})


def _delete_action(parameters: Parameters) -> Answer:
    try:
        _delete(query.value(parameters, "TargetGroupArn"), {})
    except Refused as refused:
        return elbv2_responses.refusal(refused)
    return elbv2_responses.answer("DeleteTargetGroup", {})


def _describe(parameters: Parameters) -> Answer:
    load_balancer = query.value(parameters, "LoadBalancerArn")
    groups = list(alb._tgs.values())
    for name, key in (("TargetGroupArns", "TargetGroupArn"), ("Names", "TargetGroupName")):
        wanted = query.members(parameters, name)
        if not {group[key] for group in groups}.issuperset(wanted):
            return elbv2_responses.refusal(
                Refused("TargetGroupNotFound", "One or more target groups not found")
            )
        groups = [group for group in groups if not wanted or group[key] in wanted]
    shapes = [_shape(group) for group in groups]
    if load_balancer:
        shapes = [shape for shape in shapes if load_balancer in shape["LoadBalancerArns"]]
    return elbv2_responses.answer("DescribeTargetGroups", {"TargetGroups": shapes})


def _shape(group: Record) -> Record:
    return {
        **{name: part for name, part in group.items() if not name.startswith("_")},
        "LoadBalancerArns": target_group_in_use.load_balancers_of(group["TargetGroupArn"]),
        "Matcher": group["Matcher"] or None,
    }
