"""What must be so for a change to begin: no lock, no freeze, and the approvals."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.changes.models.approvals import policy_of
from deployments.changes.rules.approvals import Policy
from deployments.environments.models.environments import Environment
from deployments.locks.models.holds import Hold, freeze_hold, lock_hold


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyConditions:
    """The conditions for beginning a change of an environment: its lock, a freeze of its account, approvals.

    `policy` is None if no approval is needed.
    """

    lock: Hold | None
    freeze: Hold | None
    policy: Policy | None

    @property
    def hold(self) -> Hold | None:
        """Return the hold on a change: the lock, or else the freeze."""
        return self.lock or self.freeze


def apply_conditions(environment: Environment) -> ApplyConditions:
    """Return the current conditions for a change of an environment (four queries, one more with a lock)."""
    return ApplyConditions(
        lock=lock_hold(environment),
        freeze=freeze_hold(environment.account),
        policy=policy_of(environment),
    )
