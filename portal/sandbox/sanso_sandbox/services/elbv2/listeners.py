"""Listeners with ARNs for their kind of load balancer."""

from ministack.services import alb
from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine.fixes.target_group_association import require_single_load_balancer
from sanso_sandbox.engine.registry import (
    Created,
    Properties,
    Record,
    Refused,
    arn,
    handler,
    new_suffix,
    provide,
)

_engine = dict(handler("AWS::ElasticLoadBalancingV2::Listener"))


def install() -> None:
    """Install the resource type."""
    provide("AWS::ElasticLoadBalancingV2::Listener", _create, _delete, _update)


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    load_balancer = properties.get("LoadBalancerArn", "")
    if load_balancer not in alb._lbs:
        raise Refused("LoadBalancerNotFound", f"Load balancer '{load_balancer}' not found")
    port = int(properties.get("Port") or 80)
    if any(
        listener["LoadBalancerArn"] == load_balancer and listener["Port"] == port
        for listener in alb._listeners.values()
    ):
        raise Refused("DuplicateListener", "A listener already exists on this port for this load balancer")
    require_single_load_balancer(properties.get("DefaultActions"), load_balancer)
    path = f"{load_balancer.partition(':loadbalancer/')[2]}/{new_suffix()}"
    key = arn("elasticloadbalancing", f"listener/{path}")
    listener: Record = {
        "ListenerArn": key,
        "LoadBalancerArn": load_balancer,
        "Port": port,
        "Protocol": properties.get("Protocol", "HTTP"),
        "DefaultActions": provisioners._elbv2_listener_actions(properties, load_balancer),
    }
    provisioners._elbv2_listener_tls(listener, properties)
    alb._listeners[key] = listener
    alb._tags[key] = provisioners._elbv2_tags(properties.get("Tags"))
    alb._listener_attrs[key] = []
    provisioners._elbv2_merge_attributes(alb._listener_attrs[key], properties.get("ListenerAttributes"))
    rule = arn("elasticloadbalancing", f"listener-rule/{path}/{new_suffix()}")
    alb._rules[rule] = {
        "RuleArn": rule,
        "ListenerArn": key,
        "Priority": "default",
        "Conditions": [],
        "Actions": listener["DefaultActions"],
        "IsDefault": True,
    }
    return key, {"ListenerArn": key, "Arn": key}


def _update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
    listener = alb._listeners.get(physical_id)  # in a rollback, `old` has the failed update's properties
    if listener is None or listener["LoadBalancerArn"] != new.get("LoadBalancerArn"):
        created = _create(logical_id, new, stack)
        provisioners._delete_predecessor(_delete, physical_id, old)
        return created
    require_single_load_balancer(new.get("DefaultActions"), new.get("LoadBalancerArn", ""))
    updated: Created = _engine["update"](physical_id, old, new, stack, logical_id)
    provisioners._elbv2_merge_attributes(
        alb._listener_attrs.setdefault(physical_id, []), new.get("ListenerAttributes")
    )
    return updated


def _delete(physical_id: str, properties: Properties) -> None:
    _engine["delete"](physical_id, properties)
    alb._listener_attrs.pop(physical_id, None)
