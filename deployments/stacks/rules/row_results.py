"""The result of a resource or stack: its create and its rollback as two segments, and the status to display.

A rollback deletes the created resources, so a resource's last status does not show the result of its
creation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deployments.cloudformation.root_cause import Failure, is_echo
from deployments.cloudformation.status import (
    DisplayStatus,
    OperationKind,
    display_status,
    has_reached_goal,
    is_cancelled,
    is_failed,
    is_final,
    is_gone,
    is_retained,
    operation_of,
)
from deployments.cloudformation.timeline import OperationRun, in_ms
from deployments.environments.rules.phases import DELETING, Kind
from deployments.stacks.rules.course import Course, forward_runs, without_protecting


@dataclass(frozen=True, slots=True)
class Segment:
    """One direction of a row, in epoch milliseconds; `end` is None while it continues."""

    start: int
    end: int | None
    status: DisplayStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """The result of a row. `reason` is that of its own operation, `back_reason` that of its rollback."""

    status: DisplayStatus
    forward: Segment | None = None
    back: Segment | None = None
    reason: str = ""
    back_reason: str = ""


def result_of(
    runs: Sequence[OperationRun],
    course: Course,
    failures: Sequence[Failure] = (),
    *,
    is_stack: bool = False,
    is_root: bool = False,
) -> RowResult:
    """Return the result of a row with these runs. `failures` are those in its events.

    The root stack's status is that of the deployment: rolled back once the rollback has begun.
    """
    protecting = runs
    runs = without_protecting(runs, course.protected_from)
    protecting = protecting[len(runs) :]
    failures = _without_protecting(failures, course)
    back_runs = [run for run in runs if course.is_back(run.status, run.start)]
    own_runs = forward_runs(runs, course)
    own_failures = [f for f in failures if not is_of_rollback(f, runs, course)]
    breaks = is_stack and not course.is_canceled
    is_cut = bool(back_runs) or course.is_over
    forward = _forward(own_runs, own_failures, is_stack=breaks, is_cut=is_cut, is_nested=not is_root)
    forward = _with_protecting(forward, protecting, course)
    back = _back(back_runs)
    back_failures = [f for f in failures if f not in own_failures]
    failed_back = back is not None and back.status is DisplayStatus.ROLLBACK_FAILED
    status = _status(forward, back, course, own_runs[-1].status if own_runs else "")
    return RowResult(
        status=_of_root(back, course) if back and is_root else status,
        forward=forward,
        back=_had_begun(back, status, is_root=is_root),
        reason=_reason(own_failures, forward),
        back_reason=_back_reason(back_failures) if failed_back else "",
    )


def _without_protecting(failures: Sequence[Failure], course: Course) -> list[Failure]:
    """Return the failures before the phase *Protect*."""
    return [failure for failure in failures if not course.protects(in_ms(failure.at))]


def is_of_rollback(failure: Failure, runs: Sequence[OperationRun], course: Course) -> bool:
    """Return whether a failure in a row with these runs is one of the rollback, by what it ended.

    A stack begins to roll back in the millisecond in which something in it fails. When an update is canceled,
    its rollback begins before resources in progress are reported as canceled. A nested stack whose creation
    failed is reported as failed by its parent while it rolls back; a rollback creates nothing.
    """
    if is_cancelled(failure.status, failure.reason) or operation_of(failure.status) is OperationKind.CREATE:
        return False
    at = in_ms(failure.at)
    ended = next((run for run in runs if run.start <= at and (run.end is None or at <= run.end)), None)
    if ended is not None:
        return course.is_back(ended.status, ended.start)
    return course.is_back(failure.status, at)


def run_status(
    run: OperationRun, failures: Sequence[Failure], *, is_stack: bool, is_cut: bool
) -> DisplayStatus:
    """Return the status to display for a run that does not belong to the rollback.

    An interrupted run has no end: a stack's because something in it failed, a resource's because something
    else failed. `is_cut` means that nothing continues it. A nested stack that was updated only removes what
    it replaced until the root stack ends, or rolls back.
    """
    was_cut = is_cut and not is_final(run.status)
    if was_cut and has_reached_goal(run.status):
        return DisplayStatus.DONE
    if not is_failed(run.status) and not was_cut:
        return display_status(run.status)
    cancelled = any(is_cancelled(failure.status, failure.reason) for failure in failures)
    return DisplayStatus.CANCELLED if cancelled or (was_cut and not is_stack) else DisplayStatus.FAILED


def back_status(run: OperationRun, *, is_last: bool = True) -> DisplayStatus:
    """Return the status to display for a run of the rollback."""
    if is_failed(run.status):
        return DisplayStatus.ROLLBACK_FAILED
    return DisplayStatus.ROLLED_BACK if is_final(run.status) or not is_last else DisplayStatus.ROLLING_BACK


def _forward(
    runs: Sequence[OperationRun],
    failures: Sequence[Failure],
    *,
    is_stack: bool,
    is_cut: bool,
    is_nested: bool,
) -> Segment | None:
    """Return the own operation. A nested stack's ends when its goal is reached: the rest is the root's."""
    if not runs:
        return None
    status = run_status(runs[-1], failures, is_stack=is_stack, is_cut=is_cut)
    return Segment(runs[0].start, runs[-1].reached if is_nested else runs[-1].end, status)


def _with_protecting(forward: Segment | None, runs: Sequence[OperationRun], course: Course) -> Segment | None:
    """Return the segment of a row that these runs protect: in progress until then, and complete after.

    A row that was complete before the deployment has their time: it was not changed otherwise.
    """
    if not runs:
        return forward
    if not course.is_over and not is_final(runs[-1].status):
        status = display_status(runs[-1].status)
    else:
        status = DisplayStatus.DONE if forward is None else forward.status
    if forward is None:
        return Segment(runs[0].start, runs[-1].end, status)
    return replace(forward, status=status)


def _back(runs: Sequence[OperationRun]) -> Segment | None:
    return Segment(runs[0].start, runs[-1].end, back_status(runs[-1])) if runs else None


def _had_begun(back: Segment | None, status: DisplayStatus, *, is_root: bool) -> Segment | None:
    """Return the rollback; None for a nested stack that was only in review and had nothing to roll back."""
    return None if status is DisplayStatus.NOT_RUN and not is_root else back


def _reason(failures: Sequence[Failure], forward: Segment | None) -> str:
    """Return why the operation itself failed; a stack that only repeats a failure inside it has no reason."""
    if forward is None or forward.status is not DisplayStatus.FAILED:
        return ""
    return next((f.reason for f in failures if f.reason and not is_echo(f.reason)), "")


def _back_reason(failures: Sequence[Failure]) -> str:
    """Return the rollback's last reason; a stack that only repeats a failure inside it has none."""
    return next((f.reason for f in reversed(failures) if f.reason and not is_echo(f.reason)), "")


def _status(forward: Segment | None, back: Segment | None, course: Course, word: str) -> DisplayStatus:
    if back is not None and back.status is DisplayStatus.ROLLBACK_FAILED:
        return back.status
    if forward is None:
        return _never_run(back, course)
    if forward.status in (DisplayStatus.FAILED, DisplayStatus.CANCELLED):
        return forward.status
    if back is not None:
        return _undone(back, course)
    remains = course.turn is not None and course.is_over and course.kind is Kind.CREATE and not is_gone(word)
    return DisplayStatus.REMAINS if remains or is_retained(word) else forward.status


def _never_run(back: Segment | None, course: Course) -> DisplayStatus:
    if back is not None and back.status is DisplayStatus.ROLLING_BACK:
        return back.status
    if course.kind in DELETING:
        return DisplayStatus.REMAINS if course.starts_nothing_more else DisplayStatus.PENDING
    if course.leaves_alone:
        return DisplayStatus.UNCHANGED
    return DisplayStatus.NOT_RUN if course.left_out else DisplayStatus.PENDING


def _of_root(back: Segment, course: Course) -> DisplayStatus:
    """Return the status of a root stack that rolls back: that of a canceled creation is deleted."""
    if course.is_canceled and back.status is DisplayStatus.ROLLED_BACK:
        return _undone(back, course)
    return back.status


def _undone(back: Segment, course: Course) -> DisplayStatus:
    if back.status is DisplayStatus.ROLLING_BACK:
        return back.status
    return DisplayStatus.DELETED if course.kind is Kind.CREATE else DisplayStatus.ROLLED_BACK
