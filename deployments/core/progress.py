"""Progress of a deployment: how many resources have reached the state that it aims for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deployments.core.phases import Kind
from deployments.core.status import DisplayStatus, display_status, is_gone, is_of_deletion, is_retained


@dataclass(frozen=True, slots=True)
class ProgressCount:
    """How many of a total are done."""

    done: int = 0
    total: int = 0

    @property
    def percent(self) -> int:
        """Return the percentage as an integer, 100 only when all are done."""
        return self.done * 100 // self.total if self.total else 0

    def __add__(self, other: ProgressCount) -> ProgressCount:
        return ProgressCount(self.done + other.done, self.total + other.total)


def resource_state(kind: Kind, status: str) -> str:
    """Return a resource's status in this deployment.

    In a delete, a resource is pending ("") until its deletion begins, whatever its status.
    """
    return "" if kind is Kind.DELETE and not is_of_deletion(status) else status


def is_done(kind: Kind, status: str) -> bool:
    """Return whether a resource with this status has reached the deployment's goal."""
    if kind is Kind.DELETE:
        return is_gone(status)
    return display_status(status) is DisplayStatus.DONE and not is_retained(status)


def count(kind: Kind, statuses: Iterable[str]) -> ProgressCount:
    """Count the resources with these statuses."""
    done = [is_done(kind, status) for status in statuses]
    return ProgressCount(sum(done), len(done))
