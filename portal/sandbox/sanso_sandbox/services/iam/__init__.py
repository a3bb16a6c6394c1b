"""IAM and STS: sessions of roles for functions and instances in the sandbox."""

from sanso_sandbox.engine import authorization, policy_changes
from sanso_sandbox.services.iam import policy_sizes, propagation, role_sessions, simulation


def install() -> None:
    """Provide functions of every runtime with their role's keys."""
    authorization.install()
    role_sessions.install()
    propagation.install()
    policy_sizes.install()
    simulation.install()


def reset(account: str | None) -> None:
    """Delete the sessions of an account."""
    role_sessions.reset(account)
    propagation.reset(account)
    policy_changes.reset(account)
