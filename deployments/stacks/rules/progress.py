"""Progress of a deployment: the share of its time that has passed, and the number of finished resources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deployments.cloudformation.status import (
    CREATED,
    DisplayStatus,
    display_status,
    is_failed_create,
    is_gone,
    is_of_deletion,
    is_retained,
    is_rollback,
    is_rollback_of_update,
)
from deployments.cloudformation.timeline import Changes
from deployments.environments.rules.phases import DELETING, ROLLBACKS, Kind, State


@dataclass(frozen=True, slots=True)
class ProgressCount:
    """The number of finished items and the total."""

    done: int = 0
    total: int = 0

    @property
    def percent(self) -> int:
        """Return the percentage as an integer; 100 only if all are done."""
        return self.done * 100 // self.total if self.total else 0

    def __add__(self, other: ProgressCount) -> ProgressCount:
        return ProgressCount(self.done + other.done, self.total + other.total)


ALMOST = 99
"""Maximum displayed progress of a deployment before its end, in percent."""


def percent_of_time(start: float, now: float, end: float) -> int:
    """Return elapsed ÷ (elapsed + forecast) in whole percent, 99 at most: only the end itself is 100.

    `start`, `now` and the forecast `end` are in the same unit, from the same clock.
    """
    elapsed, left = max(0.0, now - start), max(0.0, end - now)
    return min(ALMOST, int(100 * elapsed / (elapsed + left))) if elapsed else 0


CLOSE = 3
"""Percentage points by which the displayed progress may be ahead of elapsed ÷ (elapsed + forecast)."""


def is_ahead(percent: int, by_time: int) -> bool:
    """Return whether a progress that never goes back contradicts the time left.

    It stops when the forecast grows, until the share of the time (`by_time`) catches up with it.
    """
    return percent > by_time + CLOSE


def rolled_back(statuses: Iterable[tuple[str, int]]) -> ProgressCount:
    """Count the resources that a rollback reverts, from (status, number): those created, or begun.

    A resource that failed to be created may have nothing to delete; it counts once its deletion begins.
    """
    found = ProgressCount()
    for word, number in statuses:
        if word and not is_failed_create(word):
            found += ProgressCount(number if is_gone(word) else 0, number)
    return found


def turns_back(kind: Kind, root_status: str, phase: str = "", nested: Iterable[str] = ()) -> bool:
    """Return whether a deployment rolls back: its root stack rolls back, or is deleted instead of created.

    A nested stack (`nested`: their statuses) begins earlier, and the root stack cannot succeed any more.
    In the last phase, *Protect*, only the update that protects what was created can roll back, and the
    deployment succeeds.
    """
    if kind in ROLLBACKS:  # a rollback is their goal
        return False
    if is_rollback(root_status):
        return phase != State.PROTECT and not (kind is Kind.CREATE and is_rollback_of_update(root_status))
    if kind is Kind.DELETE:
        return False
    return is_of_deletion(root_status) or (phase != State.PROTECT and any(map(is_rollback, nested)))


def resource_state(kind: Kind, status: str) -> str:
    """Return a resource's status in this deployment.

    In a deletion, a resource is pending ("") until its deletion begins, whatever its status.
    """
    return "" if kind in DELETING and not is_of_deletion(status) else status


def is_done(kind: Kind, status: str) -> bool:
    """Return whether a resource with this status has reached the deployment's goal."""
    if kind in DELETING:
        return is_gone(status)
    if kind is Kind.ROLLBACK_UPDATE and is_gone(status):
        return True  # the failed update had added it
    return display_status(status) is DisplayStatus.DONE and not is_retained(status)


def was_created(changes: Changes) -> bool:
    """Return whether a resource was created, whatever happened to it later."""
    return any(len(change) == 2 and change[1] == CREATED for change in changes)


def count(kind: Kind, statuses: Iterable[str]) -> ProgressCount:
    """Count the resources with these statuses."""
    done = [is_done(kind, status) for status in statuses]
    return ProgressCount(sum(done), len(done))
