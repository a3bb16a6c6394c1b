"""CloudFormation leaves the permissions boundary out of the roles that it creates (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
"""

import functools
from typing import Any, Final

from ministack.services import iam

from sanso_sandbox.engine.registry import Created, Properties, Refused, handler

PROPERTY: Final = "PermissionsBoundary"


def install() -> None:
    """Set the boundary of each role that a handler creates or updates."""
    found = handler("AWS::IAM::Role")
    found["create"] = _bounded(found["create"], 1)
    found["update"] = _bounded(found["update"], 2)


def _bounded(handle: Any, position: int) -> Any:
    @functools.wraps(handle)  # its module too, which marks it as not blocking
    def handled(*arguments: Any) -> Created:
        properties: Properties = arguments[position]
        boundary = str(properties.get(PROPERTY) or "")
        if boundary and not iam._policy_exists(boundary):
            raise Refused(
                "NoSuchEntity", f"Scope ARN: {boundary} does not exist or is not attachable.", by_service=True
            )
        made: Created = handle(*arguments)
        role = iam._roles[made[0]]
        role.pop(PROPERTY, None)
        if boundary:
            role[PROPERTY] = boundary
        return made

    return handled
