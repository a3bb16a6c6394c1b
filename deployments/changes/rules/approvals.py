"""Pure decisions: who may decide on an approval request, and when a scheduled change is due."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from deployments.access.rules.roles import Role
from deployments.common.errors import Message
from deployments.common.message_codes import Code

APPROVE = "deployments.approve_change"
REQUIRE = "deployments.require_approval"
VALID_FOR = timedelta(hours=24)
"""How long an approval request can be decided; then it counts as denied."""
LATE = timedelta(hours=1)
"""A scheduled change that is later than this, because the portal was down, is no longer applied."""
FURTHEST = timedelta(days=30)
"""How far ahead a change can be scheduled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The number of people who must approve, and the roles that each of them must have."""

    approvals: int = 1
    roles: frozenset[str] = frozenset({str(Role.APPROVER)})

    def is_weaker_than(self, other: Policy) -> bool:
        """Return whether approvals that satisfy this policy may not satisfy the other one.

        Every approval requires the right to approve, which the approver role contains.
        """
        missing = other.roles - self.roles - {str(Role.APPROVER)}
        return self.approvals < other.approvals or bool(missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    """A policy for one environment, or (without one) for every environment with a label."""

    policy: Policy
    environment: int | None = None
    label: tuple[str, str] = ("", "")


def policy_for(
    rules: Iterable[PolicyRule],
    *,
    environment: int,
    labels: Collection[tuple[str, str]],
    is_switched_on: bool,
) -> Policy | None:
    """Return the policy for changes of an environment; None if they need no approval.

    `is_switched_on`: the environment itself requires approval, by its own rule or, without one, by one
    approver. Rules of its labels require approvals in any case.
    """
    matching = [
        rule.policy
        for rule in rules
        if (rule.environment is None and rule.label in labels)
        or (is_switched_on and rule.environment == environment)
    ]
    return strictest(matching) if matching or is_switched_on else None


def strictest(policies: Iterable[Policy]) -> Policy:
    """Return the policy that satisfies all of these: the largest number, and the roles of all."""
    found = list(policies) or [Policy()]
    return Policy(
        approvals=max(one.approvals for one in found),
        roles=frozenset().union(*(one.roles for one in found)),
    )


def is_weaker(after: Policy | None, before: Policy | None) -> bool:
    """Return whether approvals that satisfy one policy may not satisfy the one before; None requires none."""
    return before is not None and (after is None or after.is_weaker_than(before))


@dataclass(frozen=True, slots=True, kw_only=True)
class Voter:
    """A person who has approved a request, or could, with their current rights."""

    user: int
    may_approve: bool
    missing_role: str = ""
    """A role that approvers need and this user does not have."""
    is_service_account: bool = False


def counted(voters: Iterable[Voter], requesters: Collection[int]) -> Iterator[int]:
    """Yield the users whose approvals count, each once, in their order.

    Requesters and service accounts never count: anyone with a service account's token could approve.
    """
    others = set(requesters)
    for one in voters:
        is_valid = one.may_approve and not one.missing_role and not one.is_service_account
        if is_valid and one.user not in others:
            others.add(one.user)
            yield one.user


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """A person who decides on a request, and the people who requested it."""

    user: int
    requesters: frozenset[int]
    """Users who requested the change or its approval, or created a token of the service account that did."""
    is_requester_permitted: bool = True
    """Whether the person who requested the approval may still request the change."""
    missing_role: str = ""
    """A role that approvers need and this person does not have."""
    has_approved: bool = False
    """Whether this person has already approved this request, and others must approve too."""
    is_service_account: bool = False


def refusal_to_approve(decider: Decider, *, expires_at: datetime, now: datetime) -> Message | None:
    """Return why this person cannot approve the request now; None if they can."""
    if now >= expires_at:
        return Message(Code.APPROVAL_EXPIRED)
    if decider.is_service_account:
        return Message(Code.APPROVER_SERVICE_ACCOUNT)
    if decider.user in decider.requesters:
        return Message(Code.APPROVAL_OWN)
    if not decider.is_requester_permitted:
        return Message(Code.REQUESTER_NOT_PERMITTED)
    if decider.missing_role:
        return Message(Code.APPROVER_ROLE, {"role": decider.missing_role})
    return Message(Code.APPROVAL_REPEATED) if decider.has_approved else None


def refusal_to_deny(decider: Decider, *, expires_at: datetime, now: datetime) -> Message | None:
    """Return why this person cannot deny the request now; None if they can.

    A requester discards it instead. The request of a person who lost the permission can be denied.
    """
    if now >= expires_at:
        return Message(Code.APPROVAL_EXPIRED)
    return Message(Code.APPROVAL_OWN) if decider.user in decider.requesters else None


def refusal_to_stop_requiring(user: int, may_approve: bool, requesters: frozenset[int]) -> Message | None:
    """Return why a person cannot switch off the approval of changes; None if they can.

    While requests by `requesters` wait, only another person who may approve can switch it off. Otherwise
    people could approve their own changes this way.
    """
    if not requesters or (may_approve and user not in requesters):
        return None
    return Message(Code.APPROVALS_WAITING)


class Due(StrEnum):
    """What becomes of a scheduled change now."""

    WAIT = "wait"
    NOW = "now"
    MISSED = "missed"


def due(scheduled_for: datetime | None, now: datetime) -> Due:
    """Return whether a scheduled change waits, takes its place in the queue, or has missed its time."""
    if scheduled_for is None:
        return Due.NOW
    if now < scheduled_for:
        return Due.WAIT
    return Due.NOW if now - scheduled_for < LATE else Due.MISSED


def schedule_problem(scheduled_for: datetime, now: datetime) -> Message | None:
    """Return why a time cannot be chosen; None if it can."""
    if scheduled_for <= now:
        return Message(Code.SCHEDULE_PASSED)
    return (
        Message(Code.SCHEDULE_TOO_FAR, {"days": str(FURTHEST.days)})
        if scheduled_for - now > FURTHEST
        else None
    )
