"""How far a deployment is: which resources have come to where it takes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deployments.core.phases import Kind
from deployments.core.status import DisplayStatus, display_status


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


def resource_state(kind: Kind, word: str) -> str:
    """Return a resource's status word as this deployment sees it.

    What a delete finds in place has not begun to be deleted: "" (pending), whatever made it.
    """
    return "" if kind is Kind.DELETE and not word.startswith("DELETE_") else word


def is_done(kind: Kind, word: str) -> bool:
    """Tell whether a resource with this status word is where the deployment takes it."""
    if kind is Kind.DELETE:
        return word in ("DELETE_COMPLETE", "DELETE_SKIPPED")
    return display_status(word) is DisplayStatus.DONE and word != "DELETE_SKIPPED"


def count(kind: Kind, words: Iterable[str]) -> ProgressCount:
    """Count the resources with these status words."""
    done = [is_done(kind, word) for word in words]
    return ProgressCount(sum(done), len(done))
