"""Who may decide on a request for approval, and when a scheduled change is due: pure decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from deployments.errors import Message
from deployments.message_codes import Code

APPROVE = "deployments.approve_change"
REQUIRE = "deployments.require_approval"
VALID_FOR = timedelta(hours=24)
"""How long a request for approval waits; then it counts as denied."""
LATE = timedelta(hours=1)
"""A scheduled change that is later than this, because the portal was down, is not applied any more."""
FURTHEST = timedelta(days=30)
"""How far ahead a change can be scheduled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """Who wants to decide on a request, and who requested it."""

    user: int
    requesters: frozenset[int]
    """Who requested the change, and who requested its approval."""
    is_requester_permitted: bool = True
    """Whether who requested the approval may still request the change."""


def refusal_to_approve(decider: Decider, *, expires_at: datetime, now: datetime) -> Message | None:
    """Return why the request cannot be approved by this person now, None if it can."""
    if now >= expires_at:
        return Message(Code.APPROVAL_EXPIRED)
    if decider.user in decider.requesters:
        return Message(Code.APPROVAL_OWN)
    if not decider.is_requester_permitted:
        return Message(Code.REQUESTER_NOT_PERMITTED)
    return None


def refusal_to_deny(decider: Decider, *, expires_at: datetime, now: datetime) -> Message | None:
    """Return why the request cannot be denied by this person now, None if it can.

    A requester discards instead. A request of a person who lost the permission can be denied.
    """
    if now >= expires_at:
        return Message(Code.APPROVAL_EXPIRED)
    return Message(Code.APPROVAL_OWN) if decider.user in decider.requesters else None


def refusal_to_stop_requiring(user: int, may_approve: bool, requesters: frozenset[int]) -> Message | None:
    """Return why a person cannot switch off that changes require approval, None if they can.

    While requests wait (`requesters` are who made them), it takes what an approval takes: somebody else, who
    may approve. Otherwise the switch would be a way to approve one's own change.
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
    """Return why a time cannot be chosen, None if it can."""
    if scheduled_for <= now:
        return Message(Code.SCHEDULE_PASSED)
    return (
        Message(Code.SCHEDULE_TOO_FAR, {"days": str(FURTHEST.days)})
        if scheduled_for - now > FURTHEST
        else None
    )
