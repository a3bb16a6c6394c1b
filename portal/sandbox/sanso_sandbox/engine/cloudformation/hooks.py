"""A hook of the account, called by CloudFormation before it creates or updates a resource: an injected fault.

The reason of the resource names the hook. What the hook reports is in the event of its invocation, and in
DescribeEvents: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_OperationEvent.html
"""

from typing import Any, Final

from sanso_sandbox.engine import faults
from sanso_sandbox.engine.cloudformation import events
from sanso_sandbox.engine.cloudformation.store import Record, Stack

TYPE: Final = "Private::Sandbox::Hook"
LONGEST: Final = 1024  # of a HookStatusReason
_FAILED: Final = f"The following hook(s) failed: [{TYPE}]"


class StoppedByHook(Exception):
    """A hook stopped a resource; the message is the reason of the resource."""


def call(stack: Stack, record: Record) -> None:
    """Call the hook before a resource whose creation or update starts. Raises StoppedByHook if it fails."""
    reason = faults.resource_failure("hook", record["LogicalResourceId"])
    if not reason:
        return
    hook: dict[str, Any] = {
        "HookType": TYPE,
        "HookInvocationPoint": "PRE_PROVISION",
        "HookFailureMode": "FAIL",
    }
    failed = hook | {"HookStatus": "HOOK_COMPLETE_FAILED", "HookStatusReason": reason[:LONGEST]}
    events.hook_status(stack, record, hook | {"HookStatus": "HOOK_IN_PROGRESS"})
    events.hook_status(stack, record, failed)
    events.add_failed(stack, record, "HOOK_INVOCATION_ERROR", failed)
    raise StoppedByHook(_FAILED)
