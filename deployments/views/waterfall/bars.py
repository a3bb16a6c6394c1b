"""What is drawn in a row's lane: stretches of time with the status that each was in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deployments.core.status import Shown, is_failed, shown
from deployments.core.timeline import Operation, Run, runs
from deployments.views.waterfall.nodes import Node

MOST = 24
"""Bars in the summary of a stack: more of them would not be told apart."""
_GOING = frozenset({Shown.PROGRESS, Shown.PENDING, Shown.ROLLING_BACK})


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time in epoch milliseconds; `end` is None while it goes on."""

    start: int
    end: int | None
    shown: Shown


def bars_of(node: Node, own: Sequence[Run] | None = None) -> tuple[Bar, ...]:
    """Return the bars of a node, from its runs or else from its changes or its two times."""
    own = runs(node.changes) if own is None else own
    if own:
        found: list[Bar] = []
        for number, run in enumerate(own):
            found += _of_run(run, node if number == len(own) - 1 else None)
        return tuple(found)
    if node.started is None or not node.status:
        return ()
    return (Bar(node.started, node.ended, shown(node.status, node.reason)),)


def _of_run(run: Run, node: Node | None) -> list[Bar]:
    """Return the bars of a run. What it came to colours all of it, other than statuses of their own."""
    word, reason = run.status, ""
    if node is not None and node.status == run.status:
        reason = node.reason
    end = shown(word, reason)
    if run.operation is Operation.ROLLBACK and end is Shown.DELETED:
        end = Shown.ROLLED_BACK
    found = []
    for interval in run.intervals:
        told = shown(interval.status)
        takes_end = told in _GOING or interval.end is None
        found.append(Bar(interval.start, interval.end, end if takes_end else told))
    if run.end is None and found and found[-1].end is not None:
        found.append(Bar(run.intervals[-1].end or run.start, None, end))
    return found


def summary(own: Sequence[Bar], below: Iterable[Sequence[Bar]]) -> tuple[Bar, ...]:
    """Return the bars of what is in a stack as one line: what failed lies on top, then what goes on."""
    layers: dict[Shown, list[Bar]] = {}
    first, last = None, None
    for bars in below:
        for bar in bars:
            layers.setdefault(bar.shown, []).append(bar)
            first = bar.start if first is None else min(first, bar.start)
            last = max(last or 0, bar.end or bar.start)
    if first is None or last is None:
        return ()
    gap = max(1, (last - first) // (4 * MOST))
    order = sorted(layers, key=_height)
    return tuple(bar for kind in order for bar in _merged(layers[kind], gap))


def _height(kind: Shown) -> int:
    return 2 if kind is Shown.FAILED else 1 if kind in (Shown.PROGRESS, Shown.ROLLING_BACK) else 0


def _merged(bars: list[Bar], gap: int) -> list[Bar]:
    found: list[Bar] = []
    for bar in sorted(bars, key=lambda one: one.start):
        last = found[-1] if found else None
        if last is None or (last.end is not None and bar.start > last.end + gap):
            found.append(bar)
        elif last.end is not None:
            end = None if bar.end is None else max(last.end, bar.end)
            found[-1] = Bar(last.start, end, last.shown)
    return found


def failed_once(node: Node) -> bool:
    """Tell whether a node has ever failed, whatever became of it since."""
    return is_failed(node.status) or any(
        len(change) == 2 and is_failed(str(change[1])) for change in node.changes
    )
