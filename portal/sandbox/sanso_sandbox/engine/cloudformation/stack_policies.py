"""Stack policies: what an update may do to which resources of a stack.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

import json
from fnmatch import fnmatchcase
from typing import Any, Final

from sanso_sandbox.engine.cloudformation.store import Record, Stack

MODIFY: Final = "Update:Modify"
REPLACE: Final = "Update:Replace"
DELETE: Final = "Update:Delete"
NOT_ALLOWED: Final = "Action not allowed by stack policy"


def denial(stack: Stack, action: str, record: Record) -> str:
    """Return why the stack's policy does not let an update do this to a resource; "" if it does.

    A policy for this update alone replaces the stack's. Under a policy, what no statement allows is denied.
    """
    policy = stack.get("_policy_during_update") or stack.get("_stack_policy")
    if not policy:
        return ""
    resource = f"LogicalResourceId/{record['LogicalResourceId']}"
    statements = [
        (number, one)
        for number, one in enumerate(_listed(json.loads(policy).get("Statement")), start=1)
        if _applies(one, action, resource, record["ResourceType"])
    ]
    for number, one in statements:
        if one.get("Effect") == "Deny":
            return (
                f"Action denied by stack policy: Statement [#{number}] does not allow [{action}] for "
                f"resource [{resource}];"
            )
    return "" if statements else NOT_ALLOWED


def _applies(statement: dict[str, Any], action: str, resource: str, resource_type: str) -> bool:
    return (
        _named(statement, "Action", action)
        and _named(statement, "Resource", resource)
        and all(
            _matches(types.get("ResourceType"), resource_type)
            for types in (statement.get("Condition") or {}).values()
        )
    )


def _named(statement: dict[str, Any], element: str, value: str) -> bool:
    """Return whether a statement is about an action or resource: Action, or all but NotAction."""
    if (excluded := statement.get(f"Not{element}")) is not None:
        return not _matches(excluded, value)
    return _matches(statement.get(element), value)


def _matches(patterns: Any, value: str) -> bool:
    return any(fnmatchcase(value, str(pattern)) for pattern in _listed(patterns))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
