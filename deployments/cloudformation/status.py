"""The meaning of CloudFormation's statuses of stacks and resources. No other module compares their names.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackResource.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

IN_REVIEW = "REVIEW_IN_PROGRESS"
"""A new stack with a change set that has not been executed: nothing exists in it."""
DELETED = "DELETE_COMPLETE"
CREATED = "CREATE_COMPLETE"
_CREATE_FAILED, _DELETE_SKIPPED, _ROLLED_BACK = "CREATE_FAILED", "DELETE_SKIPPED", "ROLLBACK_COMPLETE"


class DisplayStatus(StrEnum):
    """The statuses that pages display, each with a glyph, a label and a color."""

    PENDING = "pending"
    WAITING = "waiting"
    PROGRESS = "progress"
    SETTLING = "settling"
    DONE = "done"
    ROLLING_BACK = "rolling-back"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DELETED = "deleted"
    NOT_RUN = "not-run"
    UNCHANGED = "unchanged"  # an update lists it and does not change it
    REMAINS = "remains"
    ROLLBACK_FAILED = "rollback-failed"
    ATTENTION = "attention"


class OperationKind(StrEnum):
    """The operation on a resource or stack."""

    CREATE = "create"
    UPDATE = "update"
    ROLLBACK = "rollback"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Status:
    """The meaning of a status. `final`: CloudFormation does not change it by itself."""

    display: DisplayStatus
    final: bool


_P, _F = DisplayStatus.PROGRESS, DisplayStatus.FAILED
_STATUSES: dict[str, Status] = {
    "": Status(DisplayStatus.PENDING, False),
    IN_REVIEW: Status(DisplayStatus.PENDING, False),
    "CREATE_IN_PROGRESS": Status(_P, False),
    CREATED: Status(DisplayStatus.DONE, True),
    _CREATE_FAILED: Status(_F, True),
    "UPDATE_IN_PROGRESS": Status(_P, False),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": Status(DisplayStatus.SETTLING, False),
    "UPDATE_COMPLETE": Status(DisplayStatus.DONE, True),
    "UPDATE_FAILED": Status(_F, True),
    "DELETE_IN_PROGRESS": Status(_P, False),
    DELETED: Status(DisplayStatus.DELETED, True),
    "DELETE_FAILED": Status(_F, True),
    _DELETE_SKIPPED: Status(DisplayStatus.DONE, True),
    "ROLLBACK_IN_PROGRESS": Status(DisplayStatus.ROLLING_BACK, False),
    _ROLLED_BACK: Status(DisplayStatus.ROLLED_BACK, True),
    "ROLLBACK_FAILED": Status(_F, True),
    "UPDATE_ROLLBACK_IN_PROGRESS": Status(DisplayStatus.ROLLING_BACK, False),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": Status(DisplayStatus.ROLLING_BACK, False),
    "UPDATE_ROLLBACK_COMPLETE": Status(DisplayStatus.ROLLED_BACK, True),
    "UPDATE_ROLLBACK_FAILED": Status(_F, True),
    "IMPORT_IN_PROGRESS": Status(_P, False),
    "IMPORT_COMPLETE": Status(DisplayStatus.DONE, True),
    "IMPORT_FAILED": Status(_F, True),
    "IMPORT_ROLLBACK_IN_PROGRESS": Status(DisplayStatus.ROLLING_BACK, False),
    "IMPORT_ROLLBACK_COMPLETE": Status(DisplayStatus.ROLLED_BACK, True),
    "IMPORT_ROLLBACK_FAILED": Status(_F, True),
    "EXPORT_IN_PROGRESS": Status(_P, False),
    "EXPORT_COMPLETE": Status(DisplayStatus.DONE, True),
    "EXPORT_FAILED": Status(_F, True),
    "EXPORT_ROLLBACK_IN_PROGRESS": Status(DisplayStatus.ROLLING_BACK, False),
    "EXPORT_ROLLBACK_COMPLETE": Status(DisplayStatus.ROLLED_BACK, True),
    "EXPORT_ROLLBACK_FAILED": Status(_F, True),
}
CANCELLED_REASONS = (
    "Resource creation cancelled",
    "Resource update cancelled",
    "Resource deletion cancelled",
)
_CLEANUP = "_COMPLETE_CLEANUP_IN_PROGRESS"
_STAGES = ("REVIEW", "CREATE", "IMPORT", "UPDATE", "ROLLBACK", "UPDATE_ROLLBACK", "DELETE")


def display_status(status: str, reason: str = "") -> DisplayStatus:
    """Return the status to display; an unknown status is displayed as in progress or done."""
    if is_cancelled(status, reason):
        return DisplayStatus.CANCELLED
    known = _STATUSES.get(status)
    if known:
        return known.display
    return DisplayStatus.DONE if is_final(status) else DisplayStatus.PROGRESS


def statuses_of(display: DisplayStatus) -> frozenset[str]:
    """Return the CloudFormation statuses that are displayed as this status."""
    return frozenset(name for name, status in _STATUSES.items() if name and status.display is display)


def is_final(status: str) -> bool:
    """Return whether CloudFormation does not change a status by itself. Unknown ones are judged by name."""
    known = _STATUSES.get(status)
    return known.final if known else "IN_PROGRESS" not in status


def is_complete(status: str) -> bool:
    """Return whether the operation of a status reached its goal."""
    return status.endswith("_COMPLETE")


def has_reached_goal(status: str) -> bool:
    """Return whether an operation reached its goal, even if what it replaced is still being removed."""
    return is_complete(status) or status.endswith(_CLEANUP)


def is_failed(status: str) -> bool:
    """Return whether the operation of a status failed."""
    return status.endswith("_FAILED")


def is_cancelled(status: str, reason: str) -> bool:
    """Return whether a failed resource was canceled because another one failed first."""
    return is_failed(status) and reason.startswith(CANCELLED_REASONS)


def is_rollback(status: str) -> bool:
    """Return whether a stack rolls back or has been rolled back."""
    return "ROLLBACK" in status


def is_rollback_of_update(status: str) -> bool:
    """Return whether the update of a stack rolls back or has been rolled back, not its creation."""
    return status.startswith("UPDATE_ROLLBACK")


def is_rolled_back_create(status: str) -> bool:
    """Return whether a create was rolled back: the stack remains, without resources."""
    return status == _ROLLED_BACK


def is_of_deletion(status: str) -> bool:
    """Return whether a status belongs to a deletion, in progress or ended."""
    return status.startswith("DELETE_")


def is_being_deleted(status: str) -> bool:
    """Return whether a deletion is in progress."""
    return is_of_deletion(status) and not is_final(status)


def is_gone(status: str) -> bool:
    """Return whether a resource no longer exists, or was retained when its stack was deleted."""
    return status in (DELETED, _DELETE_SKIPPED)


def is_retained(status: str) -> bool:
    """Return whether a resource was retained when its stack was deleted (DeletionPolicy: Retain)."""
    return status == _DELETE_SKIPPED


def is_failed_create(status: str) -> bool:
    """Return whether the creation of a resource failed."""
    return status == _CREATE_FAILED


def operation_of(status: str) -> OperationKind:
    """Return the operation that a status belongs to."""
    if is_rollback(status):
        return OperationKind.ROLLBACK
    if status.startswith("DELETE"):
        return OperationKind.DELETE
    return OperationKind.UPDATE if status.startswith("UPDATE") else OperationKind.CREATE


def stage(status: str) -> int:
    """Return the position of an operation in a stack's life, to order events of the same millisecond."""
    found = [number for number, name in enumerate(_STAGES) if status.startswith(name)]
    return max(found, default=0)


def order(status: str) -> tuple[int, bool, bool, str]:
    """Return a key that orders events of the same millisecond: a cleanup follows the operation."""
    return stage(status), is_final(status), status.endswith(_CLEANUP), status


PROBLEMS = frozenset(name for name in _STATUSES if is_failed(name) or is_rollback(name))
"""The statuses of a stack that require an operator."""
FAILED = frozenset(filter(is_failed, _STATUSES))
COMPLETE = frozenset(filter(is_complete, _STATUSES))
IN_PROGRESS = frozenset(name for name, status in _STATUSES.items() if name and not status.final)
