"""Permissions of roles for actions that AWS performs on behalf of a role."""

from sanso_sandbox.engine import authorization
from sanso_sandbox.engine.registry import here


def role_allows(role_arn: str, action: str) -> bool:
    """Return whether a role exists, and its policies and boundary allow an action on all resources."""
    principal = authorization.role_session(role_arn, "lambda") if role_arn.count(":") > 4 else None
    return principal is not None and authorization.allows(principal, action, region=here().region)
