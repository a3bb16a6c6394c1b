"""Default security groups have no inbound rule (MiniStack 1.5.33).

Theirs allows everything from the resources that have the group:
https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
"""

import functools
from collections.abc import Callable
from typing import Any

from ministack.services import ec2

from sanso_sandbox.engine.fixes.security_group_rules import INGRESS, SOURCES, add_rule
from sanso_sandbox.engine.registry import handler


def install() -> None:
    """Add the rule to the default groups of new VPCs."""
    ec2._init_defaults = _with_rule(ec2._init_defaults)
    for action in ("CreateVpc", "CreateDefaultVpc"):
        ec2._ACTION_MAP[action] = _with_rule(ec2._ACTION_MAP[action])
    vpc = handler("AWS::EC2::VPC")
    vpc["create"] = _with_rule(vpc["create"])


def _with_rule(create: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(create)  # its module too, which marks it as not blocking
    def created(*arguments: Any) -> Any:
        known = set(ec2._security_groups)
        result = create(*arguments)
        for key, group in list(ec2._security_groups.items()):
            if key not in known and group["GroupName"] == "default" and not group[INGRESS]:
                own = {"GroupId": key, "UserId": group["OwnerId"]}
                everything = {"IpProtocol": "-1", **{name: [] for name in SOURCES}}
                add_rule(key, INGRESS, {**everything, "UserIdGroupPairs": [own]})
        return result

    return created
