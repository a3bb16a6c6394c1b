"""Load balancers can be deleted while they are protected from it (MiniStack 1.5.33).

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html
"""

from ministack.services import alb

from sanso_sandbox.engine import elbv2_responses, query
from sanso_sandbox.engine.registry import Refused


def install() -> None:
    """Install the check before the action."""
    elbv2_responses.check_first(
        "DeleteLoadBalancer", lambda given: require_unprotected(query.value(given, "LoadBalancerArn"))
    )


def require_unprotected(load_balancer: str) -> None:
    """Raise Refused when a load balancer is protected from deletion."""
    attributes = {attribute["Key"]: attribute["Value"] for attribute in alb._lb_attrs.get(load_balancer, [])}
    if attributes.get("deletion_protection.enabled") == "true":
        raise Refused(
            "OperationNotPermitted",
            f"Load balancer '{load_balancer}' cannot be deleted because deletion protection is enabled",
        )
