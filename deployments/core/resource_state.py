"""How the events of a resource, in whatever order they arrive, make its present state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from deployments.core.status import is_final, stage


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceState:
    """The state of a resource or stack. Times are aware; `rank` orders events of one instant."""

    status: str = ""
    reason: str = ""
    physical_id: str = ""
    started_at: datetime | None = None
    changed_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """What one event says."""

    at: datetime
    status: str
    reason: str = ""
    physical_id: str = ""


def apply(node: ResourceState, change: StatusChange) -> ResourceState:
    """Return the node after the event.

    An event older than what is known (late delivery) never turns the state back; it only fills in what
    was missing: an earlier start of the same operation, a physical id.
    """
    known = (
        (node.changed_at, stage(node.status), is_final(node.status), node.status) if node.changed_at else None
    )
    news = (change.at, stage(change.status), is_final(change.status), change.status)
    same_operation = stage(change.status) == stage(node.status)
    if known is not None and known > news:
        filled = replace(node, physical_id=node.physical_id or change.physical_id)
        if same_operation and node.started_at and change.at < node.started_at:
            filled = replace(filled, started_at=change.at)
        return filled
    goes_on = same_operation and node.started_at is not None
    return ResourceState(
        status=change.status,
        reason=change.reason,
        physical_id=change.physical_id or node.physical_id,
        started_at=min(node.started_at, change.at) if goes_on and node.started_at else change.at,
        changed_at=change.at,
        ended_at=change.at if is_final(change.status) else None,
    )
