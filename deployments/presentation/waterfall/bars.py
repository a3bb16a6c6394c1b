"""What is drawn in a row's lane: stretches of time with the status that each was in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deployments.core.status import DisplayStatus, display_status, is_final
from deployments.core.timeline import OperationRun, runs
from deployments.presentation.waterfall.tree import TreeNode

MOST = 24
"""Bars in the summary of a stack: more of them would not be told apart."""
_GOING = frozenset({DisplayStatus.PROGRESS, DisplayStatus.PENDING, DisplayStatus.ROLLING_BACK})


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time in epoch milliseconds; `end` is None while it goes on."""

    start: int
    end: int | None
    status: DisplayStatus


def bars_of(node: TreeNode, own: Sequence[OperationRun] | None = None) -> tuple[Bar, ...]:
    """Return the bars of a node, from its runs or else from its changes or its two times."""
    own = runs(node.changes) if own is None else own
    if own:
        found: list[Bar] = []
        for run, following in zip(own, [*own[1:], None], strict=True):
            found += _of_run(run, node, following)
        return tuple(found)
    if node.started is None or not node.status:
        return ()
    return (Bar(node.started, node.ended, display_status(node.status, node.reason)),)


def _of_run(run: OperationRun, node: TreeNode, following: OperationRun | None) -> list[Bar]:
    """Return the bars of a run. What it came to colours all of it, other than statuses of their own.

    A run that another one follows before it came to an end was broken off: in a stack because something
    failed, in a resource because something else did.
    """
    end = display_status(run.status, node.reason if following is None and node.status == run.status else "")
    if following is not None and not is_final(run.status):
        end = DisplayStatus.FAILED if node.is_stack else DisplayStatus.CANCELLED
    until = following.start if following is not None else None
    found = []
    for interval in run.intervals:
        told = display_status(interval.status)
        takes_end = told in _GOING or interval.end is None
        stop = until if interval.end is None else interval.end
        found.append(Bar(interval.start, stop, end if takes_end else told))
    return found


def summary(own: Sequence[Bar], below: Iterable[Sequence[Bar]]) -> tuple[Bar, ...]:
    """Return the bars of what is in a stack as one line: what failed lies on top, then what goes on."""
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
    return (
        2
        if kind is DisplayStatus.FAILED
        else 1
        if kind in (DisplayStatus.PROGRESS, DisplayStatus.ROLLING_BACK)
        else 0
    )


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
