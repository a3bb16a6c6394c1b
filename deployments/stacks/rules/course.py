"""The course of a deployment as a whole: which operations belong to it, and which to its rollback."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import dropwhile, islice, takewhile

from deployments.cloudformation.root_cause import Failure
from deployments.cloudformation.status import OperationKind, is_cancelled, operation_of
from deployments.cloudformation.timeline import OperationRun, in_ms
from deployments.environments.rules.phases import ROLLBACKS, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The course of a deployment as a whole.

    `turn` is when its root stack began to roll back (epoch ms), or to be deleted because it was canceled;
    `nested` has the same for the nested stacks, by their path. A stack in which something failed rolls back
    at once, its parent when everything in progress has ended.
    `protected_from` is when the update began that protects what was created: neither it nor its rollback
    changes the results.
    `unchanged` are the paths of the resources that a change set lists and probably does not change.
    """

    kind: Kind
    turn: int | None = None
    nested: Mapping[str, int] = field(default_factory=dict)
    protected_from: int | None = None
    is_over: bool = False
    is_success: bool = False
    is_canceled: bool = False
    unchanged: frozenset[str] = frozenset()
    is_unchanged: bool = False
    """Of the course of one resource: whether it is one of these."""

    def protects(self, start: int) -> bool:
        """Return whether an operation that began at `start` (epoch ms) belongs to the phase *Protect*."""
        return self.protected_from is not None and start >= self.protected_from

    def within(self, path: str) -> Course:
        """Return the course of what is in the stack at a path: it turns with the first stack around it."""
        around = [path[:at] for at, char in enumerate(path) if char == "/"] + [path]
        turns = [self.nested[stack] for stack in around if stack in self.nested]
        if self.turn is not None:
            turns.append(self.turn)
        return replace(self, turn=min(turns)) if turns else self

    def of(self, path: str) -> Course:
        """Return the course of the stack or resource at a path."""
        found = self.within(path.rpartition("/")[0]) if path else self
        return replace(found, is_unchanged=True) if path in self.unchanged else found

    def is_back(self, status: str, start: int) -> bool:
        """Return whether an operation that began at `start` (epoch ms) belongs to the rollback."""
        if self.protects(start):
            return False
        if self.kind is Kind.DELETE or self.kind in ROLLBACKS:  # going back is its goal
            return False
        operation = operation_of(status)
        if operation is OperationKind.ROLLBACK:
            return True
        if self.kind is Kind.CREATE:  # only by its operation: times can be equal to the millisecond
            return operation is OperationKind.DELETE
        return self.turn is not None and start >= self.turn

    def counts(self, failure: Failure) -> bool:
        """Return whether a failure can be the first one: after a cancellation, only in the rollback.

        What could not be protected has not failed.
        """
        if self.protects(in_ms(failure.at)):
            return False
        if not self.is_canceled:
            return True
        is_collateral = is_cancelled(failure.status, failure.reason)
        return not is_collateral and self.within(failure.path).is_back(failure.status, in_ms(failure.at))

    @property
    def first_turn(self) -> int | None:
        """Return when the first stack began to roll back; None if none did."""
        turns = [*self.nested.values(), *([] if self.turn is None else [self.turn])]
        return min(turns, default=None)

    @property
    def has_turned(self) -> bool:
        """Return whether a stack rolls back or has rolled back: the deployment cannot succeed any more."""
        return self.first_turn is not None

    @property
    def starts_nothing_more(self) -> bool:
        """Return whether resources that have not begun will never begin."""
        return self.turn is not None or (self.is_over and not self.is_success)

    @property
    def leaves_alone(self) -> bool:
        """Return whether an update does not change a resource that has not begun: not, if it has failed."""
        if self.kind is not Kind.UPDATE or self.starts_nothing_more:
            return False
        return self.is_unchanged or self.is_over

    @property
    def left_out(self) -> bool:
        """Return whether unstarted resources are skipped, also by a change that does not affect them."""
        return self.starts_nothing_more or self.is_over


def turn_of(runs: Iterable[OperationRun], protected_from: int | None = None) -> int | None:
    """Return when the root stack with these runs began to roll back; None if it did not.

    The stack of a canceled creation is deleted.
    """
    back = (OperationKind.ROLLBACK, OperationKind.DELETE)
    own = without_protecting(runs, protected_from)
    return next((run.start for run in own if run.operation in back), None)


def nested_turn(runs: Iterable[OperationRun], protected_from: int | None = None) -> int | None:
    """Return when a nested stack with these runs began to roll back; None if it did not.

    A change can delete a nested stack, which is no rollback.
    """
    own = without_protecting(runs, protected_from)
    return next((run.start for run in own if run.operation is OperationKind.ROLLBACK), None)


def protected_from(runs: Iterable[OperationRun]) -> int | None:
    """Return when the root stack with these runs began to be updated to protect what it had created.

    That is the first update after the operation that was complete. None before.
    """
    after = dropwhile(lambda run: not run.complete, runs)
    return next((run.start for run in islice(after, 1, None) if run.operation is OperationKind.UPDATE), None)


def without_protecting(runs: Iterable[OperationRun], protected_from: int | None) -> tuple[OperationRun, ...]:
    """Return the runs without the update that protects what was created, and its rollback.

    Only the end of the phase *Protect* waits for that update, which is not part of the creation's time.
    """
    return tuple(takewhile(lambda run: protected_from is None or run.start < protected_from, runs))


def forward_runs(runs: Iterable[OperationRun], course: Course) -> list[OperationRun]:
    """Return the runs that do not belong to the rollback."""
    return [run for run in runs if not course.is_back(run.status, run.start)]
