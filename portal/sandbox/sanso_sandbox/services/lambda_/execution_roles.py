"""The execution role of a function must exist, trust Lambda, and be visible to it.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html,
https://github.com/pulumi/pulumi-aws-native/issues/148
"""

import json
from collections.abc import Callable
from typing import Any, Final

from ministack.core.responses import error_response_json
from ministack.services import iam, lambda_svc

from sanso_sandbox.engine import time_scale
from sanso_sandbox.engine.registry import Created, Properties, Refused, handler
from sanso_sandbox.services.iam import propagation

SERVICE: Final = "lambda.amazonaws.com"
LOOK: Final = 1.0  # AWS's seconds between attempts of CloudFormation's handler


def install() -> None:
    """Install the check before functions are created.

    CloudFormation's handler waits until the role is visible; other callers have to retry.
    """
    found = handler("AWS::Lambda::Function")
    create = found["create"]

    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        role = str(properties.get("Role") or "")
        while not propagation.seen(role):
            time_scale.sleep(LOOK)
        require_assumable(role)
        made: Created = create(logical_id, properties, stack)
        return made

    found["create"] = created
    lambda_svc._create_function = _checked(lambda_svc._create_function)


def _checked(action: Callable[..., Any]) -> Callable[..., Any]:
    def checked(request: dict[str, Any]) -> Any:
        try:
            require_assumable(str(request.get("Role") or ""))
        except Refused as refused:
            return error_response_json(refused.code, str(refused), 400)
        return action(request)

    return checked


def require_assumable(role_arn: str) -> None:
    """Raise Refused if Lambda cannot assume the role, or does not see it yet."""
    role = iam._roles.get(role_arn.rpartition("/")[2])
    if role is None or not _trusts_lambda(role) or not propagation.seen(role_arn):
        raise Refused(
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        )


def _trusts_lambda(role: dict[str, Any]) -> bool:
    document = role["AssumeRolePolicyDocument"]
    statements = (json.loads(document) if isinstance(document, str) else document).get("Statement") or ()
    named = [
        statement.get("Principal")
        for statement in ([statements] if isinstance(statements, dict) else statements)
        if statement.get("Effect") == "Allow"
    ]
    return any(SERVICE in json.dumps(principal) or principal == "*" for principal in named)
