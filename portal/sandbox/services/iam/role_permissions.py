"""Whether a role may call an action itself, for what AWS does in the role's name."""

from portal.sandbox.engine import authorization
from portal.sandbox.engine.registry import here


def role_allows(role_arn: str, action: str) -> bool:
    """Return whether a role exists, and its policies and boundary allow an action on every resource."""
    principal = authorization.role_session(role_arn, "lambda") if role_arn.count(":") > 4 else None
    return principal is not None and authorization.allows(principal, action, region=here().region)
