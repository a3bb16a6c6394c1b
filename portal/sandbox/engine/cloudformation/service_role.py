"""The permissions of an operation on a stack: those of the service role, or of the caller.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
A stack keeps its role; nested stacks use their root's, since all of them belong to one operation.
"""

from contextvars import ContextVar
from typing import Final

from portal.sandbox.engine import authorization
from portal.sandbox.engine.authorization import Principal
from portal.sandbox.engine.cloudformation.store import Stack

KEY: Final = "RoleARN"
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


def while_planning() -> Principal | None:
    """Return the principal that reads nested templates for a change set, or within an operation."""
    if role := requested.get():
        return authorization.role_session(role, SESSION)
    return authorization.acting()
