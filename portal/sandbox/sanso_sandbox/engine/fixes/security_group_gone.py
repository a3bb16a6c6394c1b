"""CloudFormation updates a security group that was deleted outside of its stack (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidGroup.NotFound)
"""

from typing import Any

from sanso_sandbox.engine.fixes.security_group_rules import group_of
from sanso_sandbox.engine.registry import Created, Properties, handler


def install() -> None:
    """Make the handler look for the group first."""
    found = handler("AWS::EC2::SecurityGroup")
    update = found["update"]

    def updated(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Created:
        group_of(physical_id)
        changed: Created = update(physical_id, old, new, *rest)
        return changed

    found["update"] = updated
