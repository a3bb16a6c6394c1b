"""The one state of an environment, and the one note beside it: what somebody should know first."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from deployments.environments.rules.health_status import HealthStatus


class EnvironmentState(StrEnum):
    """The state of an environment: the first of these that applies, unless it is deleted."""

    IN_PROGRESS = "in_progress"
    CREATION_FAILED = "creation_failed"
    UNHEALTHY = "unhealthy"
    DEGRADED = "degraded"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"
    DELETED = "deleted"


NOT_CREATED = frozenset({"CREATE_FAILED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE"})
"""The statuses of a stack whose creation failed: it has never been complete.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""


class Note(StrEnum):
    """What somebody should know of an environment, the most important first."""

    SANDBOX_RESTARTED = "sandbox_restarted"
    STACK_MISSING = "stack_missing"
    NEEDS_ATTENTION = "needs_attention"  # its deployment repeats a step that fails
    DEPLOYMENT = "deployment"  # the one in progress, or a creation that waits for its time
    CREATION_FAILED = "creation_failed"
    COMPONENT = "component"  # why it is unhealthy or degraded
    DELETION_FAILED = "deletion_failed"
    CHANGE_FAILED = "change_failed"
    DRILL_FAILED = "drill_failed"
    CONNECTION_FAILED = "connection_failed"
    NOT_READABLE = "not_readable"
    CHANGED_OUTSIDE = "changed_outside"
    SKIPPED_RESOURCES = "skipped_resources"
    NOT_PROTECTED = "not_protected"
    WAITING = "waiting"  # a change that waits for approval, for its time, or for its turn
    MAINTENANCE_DUE = "maintenance_due"  # RDS applies it within days
    UPDATE_AVAILABLE = "update_available"
    SUPPORT_ENDS = "support_ends"  # of the version of the database
    NOT_MEASURED = "not_measured"  # why its health is unknown


_OF_STATE = {
    EnvironmentState.IN_PROGRESS: frozenset({Note.NEEDS_ATTENTION, Note.DEPLOYMENT}),
    EnvironmentState.DELETED: frozenset[Note](),
}
"""The only notes beside states that say the rest: what a deployment in progress changes is out of date."""
_ONLY_IN = {
    Note.NEEDS_ATTENTION: {EnvironmentState.IN_PROGRESS},
    Note.DEPLOYMENT: {EnvironmentState.IN_PROGRESS},
    Note.CREATION_FAILED: {EnvironmentState.CREATION_FAILED},
    Note.COMPONENT: {EnvironmentState.UNHEALTHY, EnvironmentState.DEGRADED},
    Note.NOT_MEASURED: {EnvironmentState.UNKNOWN},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What decides the state of an environment.

    `is_gone`: its stack no longer exists; `is_changing`: a deployment is changing it, or its creation waits
    for its time; `was_created`: its creation has not failed. `health` is what was observed last.
    """

    health: HealthStatus = HealthStatus.UNKNOWN
    is_deleted: bool = False
    is_gone: bool = False
    is_changing: bool = False
    was_created: bool = True


def state_of(situation: Situation) -> EnvironmentState:
    """Return the state of an environment.

    A change that failed is none: it may have changed nothing, and the health says what it left.
    """
    if situation.is_deleted:
        return EnvironmentState.DELETED
    if situation.is_changing:
        return EnvironmentState.IN_PROGRESS
    if not situation.was_created:
        return EnvironmentState.CREATION_FAILED
    if situation.is_gone:
        return EnvironmentState.UNHEALTHY
    return EnvironmentState(situation.health)


def note_of(state: EnvironmentState, found: Collection[Note]) -> Note | None:
    """Return the most important one of the notes that were found and that belong to a state."""
    allowed = _OF_STATE.get(state, frozenset(Note))
    return next(
        (one for one in Note if one in found and one in allowed and state in _ONLY_IN.get(one, {state})), None
    )
