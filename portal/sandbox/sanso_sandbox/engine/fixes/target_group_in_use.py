"""Target groups can be deleted while a listener forwards to them (MiniStack 1.5.33).

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteTargetGroup.html
"""

from ministack.services import alb

from sanso_sandbox.engine import elbv2_responses, query
from sanso_sandbox.engine.registry import Record, Refused


def install() -> None:
    """Install the check before the action."""
    elbv2_responses.check_first(
        "DeleteTargetGroup", lambda given: require_unused(query.value(given, "TargetGroupArn"))
    )


def require_unused(target_group: str) -> None:
    """Raise Refused when a listener or a rule forwards to a target group."""
    if load_balancers_of(target_group):
        raise Refused(
            "ResourceInUse", f"Target group '{target_group}' is currently in use by a listener or a rule"
        )


def load_balancers_of(target_group: str) -> list[str]:
    """List the load balancers whose listeners or rules currently forward to the target group."""
    users: list[str] = []
    for rule in alb._rules.values():
        listener = alb._listeners.get(rule["ListenerArn"])
        if listener is None or listener["LoadBalancerArn"] not in alb._lbs:
            continue
        forwards = any(target_group in forwarded(action) for action in rule["Actions"])
        if forwards and listener["LoadBalancerArn"] not in users:
            users.append(listener["LoadBalancerArn"])
    return users


def forwarded(action: Record) -> list[str]:
    """List the target groups that an action forwards to."""
    several = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    return [str(action.get("TargetGroupArn") or ""), *(group.get("TargetGroupArn", "") for group in several)]
