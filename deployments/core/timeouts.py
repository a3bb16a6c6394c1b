"""How long what does not come is waited for, as pure values. The sandbox runs ten times as fast as AWS."""

from __future__ import annotations

from datetime import timedelta

_FAILED, _FAILED_IN_SANDBOX = timedelta(minutes=15), timedelta(seconds=90)
_READY, _READY_IN_SANDBOX = timedelta(minutes=60), timedelta(minutes=10)
CURRENT = timedelta(seconds=60)
"""Maximum age of the facts that a deployment may fail for. While the portal was stopped, for an upgrade for
example, a timeout may have passed without a poll.
"""


def failure_timeout(*, sandbox: bool) -> timedelta:
    """Return how long a failed configuration may stay so before the deployment fails with it.

    Long enough for State Manager to try again on a server that was replaced, and for a person to mend it.
    """
    return _FAILED_IN_SANDBOX if sandbox else _FAILED


def readiness_timeout(*, sandbox: bool) -> timedelta:
    """Return how long after CloudFormation's end the environment may take to become ready."""
    return _READY_IN_SANDBOX if sandbox else _READY
