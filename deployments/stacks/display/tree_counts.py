"""How many resources of each stack a deployment has finished, of those that it changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from deployments.cloudformation.status import has_reached_goal, is_of_deletion, is_rollback
from deployments.cloudformation.timeline import Changes, runs
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind, State
from deployments.stacks.display.paths import and_above, parent_of
from deployments.stacks.models.stacks import Stack
from deployments.stacks.rules.course import Course, forward_runs, nested_turn, turn_of
from deployments.stacks.rules.progress import ProgressCount, is_done, rolled_back, was_created

NONE = ProgressCount()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What a change lists and does not change: after its end, all that never began.

    Until then, `unchanged` is the number of resources in each stack that its preview takes for unchanged.
    """

    is_over: bool = False
    unchanged: Mapping[str, int] = field(default_factory=dict)

    def number(self, path: str, pending: int) -> int:
        """Return how many of the resources of a stack that have not begun are left out."""
        return pending if self.is_over else min(pending, self.unchanged.get(path, 0))


def left_out_of(deployment: Deployment) -> LeftOut | None:
    """Return what a change does not change; None for other deployments."""
    if deployment.kind != Kind.UPDATE:
        return None
    unchanged = Counter(map(parent_of, deployment.unchanged))
    return LeftOut(is_over=not deployment.is_active, unchanged=unchanged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The counts of each stack, including nested ones, and of what a rollback reverts."""

    by_stack: Mapping[str, ProgressCount]
    rolled_back: ProgressCount = NONE

    @classmethod
    def of(
        cls,
        kind: Kind,
        stacks: Mapping[str, Stack],
        tallied: Sequence[tuple[str, str, int]],
        changes: Iterable[tuple[str, Changes]],
        phase: str = "",
        left_out: LeftOut | None = None,
    ) -> Self:
        """Return the counts from (path of the stack, status, number).

        `changes` are (path of the stack, status changes) of all resources, needed once a stack rolls back.
        """
        back = rolled_back((status, number) for _path, status, number in tallied)
        if phase == State.PROTECT:
            return cls(by_stack=complete(tallied), rolled_back=back)
        if is_undone(kind, stacks):
            return cls(by_stack=counts_of_created(changes), rolled_back=back)
        course = course_of_stacks(kind, stacks)
        if course.has_turned:
            return cls._reverted(course, changes)
        if left_out is not None:
            tallied = [
                (path, status, number if status else number - left_out.number(path, number))
                for path, status, number in tallied
            ]
        return cls(by_stack=counts(kind, tallied), rolled_back=back)

    @classmethod
    def _reverted(cls, course: Course, changes: Iterable[tuple[str, Changes]]) -> Self:
        """Return the counts of an update that rolls back: of what had begun, what it had changed."""
        found, back = [], NONE
        for path, own in changes:
            all_runs = runs(own)
            forward = forward_runs(all_runs, course.within(path))
            if not forward:
                continue
            found.append((path, ProgressCount(int(has_reached_goal(forward[-1].status)), 1)))
            undone = all_runs[-1] not in forward and all_runs[-1].complete
            back += ProgressCount(int(undone), 1)
        return cls(by_stack=_summed(found), rolled_back=back)


def course_of_stacks(kind: Kind, stacks: Mapping[str, Stack]) -> Course:
    """Return the course of an update by the status changes of its stacks; of others, without a rollback."""
    if kind is not Kind.UPDATE:
        return Course(kind=kind)
    own = {path: runs(stack.changes) for path, stack in stacks.items()}
    turns = {path: nested_turn(found) for path, found in own.items() if path}
    nested = {path: turn for path, turn in turns.items() if turn is not None}
    return Course(kind=kind, turn=turn_of(own.get("", ())), nested=nested)


def is_undone(kind: Kind, stacks: Mapping[str, Stack]) -> bool:
    """Return whether a creation is or was rolled back: what it had created counts."""
    status = stacks[""].status if "" in stacks else ""
    return kind is Kind.CREATE and (is_rollback(status) or is_of_deletion(status))


def counts_of_created(rows: Iterable[tuple[str, Changes]]) -> dict[str, ProgressCount]:
    """Count the resources created in every stack before the rollback; `rows` are (stack's path, changes)."""
    return _summed(
        (path, ProgressCount(int(isinstance(changes, list) and was_created(changes)), 1))
        for path, changes in rows
    )


def complete(statuses: Iterable[tuple[str, str, int]]) -> dict[str, ProgressCount]:
    """Count every resource as complete: in the phase *Protect*, whether or not its update is rolled back."""
    return _summed((path, ProgressCount(number, number)) for path, _status, number in statuses)


def counts(kind: Kind, statuses: Iterable[tuple[str, str, int]]) -> dict[str, ProgressCount]:
    """Count the resources in every stack, including nested stacks and their resources.

    `statuses` are (path of the stack, status, number).
    """
    return _summed(
        (path, ProgressCount(number if is_done(kind, word) else 0, number)) for path, word, number in statuses
    )


def _summed(own_counts: Iterable[tuple[str, ProgressCount]]) -> dict[str, ProgressCount]:
    """Add the counts of each stack's path to those of the stacks around it."""
    found: dict[str, ProgressCount] = {}
    for path, own in own_counts:
        for around in and_above(path):
            found[around] = found.get(around, NONE) + own
    return found
