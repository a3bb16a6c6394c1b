"""The current state of a resource from its events in any order, and whether an event repeats another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from deployments.cloudformation.status import is_failed, is_final, order, stage


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceState:
    """The state of a resource or stack. Times are aware."""

    status: str = ""
    reason: str = ""
    physical_id: str = ""
    started_at: datetime | None = None
    changed_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """The status change in one event."""

    at: datetime
    status: str
    reason: str = ""
    physical_id: str = ""


def apply(state: ResourceState, change: StatusChange) -> ResourceState:
    """Return the state after the change.

    A change that is older than the state (a late event) does not change the status. It only adds an earlier
    start of the same operation, or a physical id.
    """
    known = (state.changed_at, order(state.status)) if state.changed_at else None
    new = (change.at, order(change.status))
    same_operation = stage(change.status) == stage(state.status)
    if known is not None and known > new:
        filled = replace(state, physical_id=state.physical_id or change.physical_id)
        if same_operation and state.started_at and change.at < state.started_at:
            filled = replace(filled, started_at=change.at)
        return filled
    continues = same_operation and state.started_at is not None
    return ResourceState(
        status=change.status,
        reason=change.reason,
        physical_id=change.physical_id or state.physical_id,
        started_at=min(state.started_at, change.at) if continues and state.started_at else change.at,
        changed_at=change.at,
        ended_at=change.at if is_final(change.status) else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LastEvent:
    """The last event of a resource. `first` is the number of the event that it repeats, else its own.

    `stack` is the path of the stack whose events include it.
    """

    first: int
    status: str
    reason: str
    stack: str


def is_duplicate(before: LastEvent | None, now: LastEvent) -> bool:
    """Return whether an event repeats the last one of the same resource.

    CloudFormation reports one step several times: with "Resource creation Initiated" as the reason, or both
    in a nested stack and in its parent. Two failures are different unless they have the same reason, or one
    of them is the parent's event.
    """
    if before is None or not now.status or before.status != now.status:
        return False
    return not is_failed(now.status) or before.reason == now.reason or before.stack != now.stack
