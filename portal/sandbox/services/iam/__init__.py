"""IAM and STS: sessions of roles for what runs in the sandbox."""

from portal.sandbox.engine import authorization
from portal.sandbox.services.iam import propagation, role_sessions


def install() -> None:
    """Give functions of every runtime their role's keys."""
    authorization.install()
    role_sessions.install()
    propagation.install()


def reset(account: str | None) -> None:
    """Forget the sessions of an account."""
    role_sessions.reset(account)
    propagation.reset(account)
