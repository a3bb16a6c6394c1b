"""The permissions of an operation on a stack: those of the service role, or of the caller.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
A stack keeps its role; nested stacks use their root's, since all of them belong to one operation.
"""

from contextvars import ContextVar
from typing import Final

from sanso_sandbox.engine import authorization, readings
from sanso_sandbox.engine.authorization import Principal
from sanso_sandbox.engine.cloudformation import store
from sanso_sandbox.engine.cloudformation.store import Stack

KEY: Final = "RoleARN"
SERVICE: Final = "cloudformation.amazonaws.com"
SESSION: Final = "AWSCloudFormation"
requested: ContextVar[str] = ContextVar("sanso_requested_role", default="")
"""The RoleARN of the current request, "" without one."""


def of(stack: Stack) -> Principal | None:
    """Return the principal of an operation that starts now; a role in the request becomes the stack's."""
    if role := requested.get():
        stack[KEY] = role
    if role := stack.get(KEY) or "":
        return authorization.role_session(role, SESSION)
    return authorization.acting()


def kept(stack: Stack) -> str:
    """Return the ARN of the role that the root of a stack keeps, "" if operations are the callers' own."""
    return str(store.root_of(stack).get(KEY) or "")


def distrust(role: str) -> str:
    """Return AWS's message if CloudFormation cannot assume a role that exists, "" if it can.

    By the stricter reading it sends no aws:SourceAccount, which AWS documents for StackSets only.
    """
    keys = () if readings.strict("roles_are_assumed_without_source_keys") else ("aws:sourceaccount",)
    if authorization.service_may_assume(role, SERVICE, keys):
        return ""
    return f"Role {role} is invalid or cannot be assumed"


def check_nested(stack_id: str, change_set_id: str) -> None:
    """Raise Denied if the requested service role may not create a nested change set.

    That it is created as this role, and not as the caller, is the stricter reading.
    """
    if requested.get() and readings.strict("nested_change_sets_use_the_service_role"):
        for arn in (stack_id, change_set_id):
            authorization.authorize(while_planning(), "cloudformation:CreateChangeSet", arn)


def while_planning() -> Principal | None:
    """Return the principal that reads nested templates for a change set, or within an operation."""
    if role := requested.get():
        return authorization.role_session(role, SESSION)
    return authorization.acting()
