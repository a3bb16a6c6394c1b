"""How far a deployment is: which resources have come to where it takes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deployments.core.phases import Kind
from deployments.core.status import DisplayStatus, display_status, is_gone, is_kept, is_of_deletion


@dataclass(frozen=True, slots=True)
class ProgressCount:
    """So many of so many."""

    done: int = 0
    total: int = 0

    @property
    def percent(self) -> int:
        """Return whole percents, 100 only when all are done."""
        return self.done * 100 // self.total if self.total else 0

    def __add__(self, other: ProgressCount) -> ProgressCount:
        return ProgressCount(self.done + other.done, self.total + other.total)


def resource_state(kind: Kind, status: str) -> str:
    """Return a resource's status as this deployment sees it.

    What a delete finds in place has not begun to be deleted: "" (pending), whatever made it.
    """
    return "" if kind is Kind.DELETE and not is_of_deletion(status) else status


def is_done(kind: Kind, status: str) -> bool:
    """Tell whether a resource with this status has reached the deployment's goal."""
    if kind is Kind.DELETE:
        return is_gone(status)
    return display_status(status) is DisplayStatus.DONE and not is_kept(status)


def count(kind: Kind, words: Iterable[str]) -> ProgressCount:
    """Count the resources with these status words."""
    done = [is_done(kind, word) for word in words]
    return ProgressCount(sum(done), len(done))
