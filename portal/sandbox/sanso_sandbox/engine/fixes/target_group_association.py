"""Several load balancers can have one target group (MiniStack 1.5.33).

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html
(TargetGroupAssociationLimit)
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from ministack.services import alb

from sanso_sandbox.engine import elbv2_responses
from sanso_sandbox.engine.fixes.target_group_in_use import forwarded, load_balancers_of
from sanso_sandbox.engine.registry import Created, Parameters, Properties, Record, Refused, handler

RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"


def install() -> None:
    """Install the check before the rules' handlers and the actions that forward to target groups."""
    rule = handler(RULE)
    create, update = rule["create"], rule["update"]

    @functools.wraps(create)  # its module too, which marks it as not blocking
    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        require_single_load_balancer(properties.get("Actions"), _owner(properties.get("ListenerArn")))
        made: Created = create(logical_id, properties, stack)
        return made

    @functools.wraps(update)  # its module too, which marks it as not blocking
    def updated(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Created:
        require_single_load_balancer(new.get("Actions"), _owner(new.get("ListenerArn")))
        made: Created = update(physical_id, old, new, *rest)
        return made

    rule.update(create=created, update=updated)
    owners: dict[str, tuple[str, Callable[[Parameters], str]]] = {
        "CreateListener": ("DefaultActions", lambda given: str(alb._p(given, "LoadBalancerArn"))),
        "ModifyListener": ("DefaultActions", lambda given: _owner(alb._p(given, "ListenerArn"))),
        "CreateRule": ("Actions", lambda given: _owner(alb._p(given, "ListenerArn"))),
        "ModifyRule": ("Actions", lambda given: _owner_of_rule(alb._p(given, "RuleArn"))),
    }
    for name, (prefix, owner) in owners.items():
        elbv2_responses.check_first(name, functools.partial(_check, prefix, owner))


def _check(prefix: str, owner: Callable[[Parameters], str], parameters: Parameters) -> None:
    require_single_load_balancer(alb._parse_actions(parameters, prefix), owner(parameters))


def _owner(listener: object) -> str:
    return str((alb._listeners.get(str(listener)) or {}).get("LoadBalancerArn", ""))


def _owner_of_rule(rule: object) -> str:
    return _owner((alb._rules.get(str(rule)) or {}).get("ListenerArn"))


def require_single_load_balancer(actions: Iterable[Record] | None, load_balancer: str) -> None:
    """Raise Refused when an action forwards to a target group of another load balancer."""
    for target_group in [group for action in actions or () for group in forwarded(action)]:
        if set(load_balancers_of(target_group)) - {load_balancer}:
            raise Refused(
                "TargetGroupAssociationLimit",
                "The following target groups cannot be associated with more than one load balancer: "
                f"{target_group}",
            )
