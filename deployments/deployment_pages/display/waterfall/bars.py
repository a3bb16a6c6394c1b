"""The bars of a row: periods with their status."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deployments.cloudformation.root_cause import Failure
from deployments.cloudformation.status import DisplayStatus, display_status, is_final, operation_of
from deployments.cloudformation.timeline import Interval, OperationRun, runs
from deployments.environments.rules.phases import Kind
from deployments.stacks.display.tree import TreeNode
from deployments.stacks.rules.course import Course
from deployments.stacks.rules.row_results import back_status, run_status

MOST = 24
"""Maximum number of bars in the summary of a stack: more could not be distinguished."""
FORWARD = Course(kind=Kind.CREATE)
"""A creation that has not begun to roll back."""
_GOING = frozenset({DisplayStatus.PROGRESS, DisplayStatus.PENDING, DisplayStatus.ROLLING_BACK})
_ON_TOP = frozenset({DisplayStatus.FAILED, DisplayStatus.ROLLBACK_FAILED})


@dataclass(frozen=True, slots=True)
class Bar:
    """A period in epoch milliseconds; `end` is None while it continues."""

    start: int
    end: int | None
    status: DisplayStatus


def runs_of(node: TreeNode) -> tuple[OperationRun, ...]:
    """Return the runs of a node from its changes; for old rows, from its two times."""
    own = runs(node.changes)
    if own or node.started is None or not node.status:
        return own
    operation, end = operation_of(node.status), node.ended
    whole = Interval(node.status, node.started, end)
    return (OperationRun(operation, node.status, node.started, end, (whole,)),)


def bars_of(
    node: TreeNode,
    own: Sequence[OperationRun] | None = None,
    course: Course = FORWARD,
    failures: Sequence[Failure] = (),
) -> tuple[Bar, ...]:
    """Return the bars of a node, from its runs: those of its own operation, then those of the rollback."""
    own = runs_of(node) if own is None else own
    found: list[Bar] = []
    for run, following in zip(own, [*own[1:], None], strict=False):  # none of no runs
        is_last = following is None
        if course.is_back(run.status, run.start):
            found += _painted(run, following, back_status(run, is_last=is_last), paints_all=True)
            continue
        is_cut = not is_last or course.is_over
        end = run_status(run, failures, is_stack=node.is_stack and not course.is_canceled, is_cut=is_cut)
        found += _painted(run, following, end)
    return tuple(found)


def _painted(
    run: OperationRun, following: OperationRun | None, end: DisplayStatus, *, paints_all: bool = False
) -> list[Bar]:
    """Return the bars of a run. Its result colors all of it, except periods with their own status."""
    until = following.start if following is not None else None
    found = []
    for interval in run.intervals:
        shown_status = display_status(interval.status)
        takes_end = paints_all or shown_status in _GOING or interval.end is None or is_final(interval.status)
        stop = until if interval.end is None else interval.end
        found.append(Bar(interval.start, stop, end if takes_end else shown_status))
    return found


def summary(own: Sequence[Bar], below: Iterable[Sequence[Bar]]) -> tuple[Bar, ...]:
    """Return the bars of a stack's content as one line: failures on top, then running parts."""
    layers: dict[DisplayStatus, list[Bar]] = {}
    first, last = None, None
    for bars in below:
        for bar in bars:
            layers.setdefault(bar.status, []).append(bar)
            first = bar.start if first is None else min(first, bar.start)
            last = max(last or 0, bar.end or bar.start)
    if first is None or last is None:
        return ()
    gap = max(1, (last - first) // (4 * MOST))
    order = sorted(layers, key=_height)
    return tuple(bar for kind in order for bar in _merged(layers[kind], gap))


def _height(kind: DisplayStatus) -> int:
    return 2 if kind in _ON_TOP else 1 if kind in (DisplayStatus.PROGRESS, DisplayStatus.ROLLING_BACK) else 0


def _merged(bars: list[Bar], gap: int) -> list[Bar]:
    found: list[Bar] = []
    for bar in sorted(bars, key=lambda one: one.start):
        last = found[-1] if found else None
        if last is None or (last.end is not None and bar.start > last.end + gap):
            found.append(bar)
        elif last.end is not None:
            end = None if bar.end is None else max(last.end, bar.end)
            found[-1] = Bar(last.start, end, last.status)
    return found
