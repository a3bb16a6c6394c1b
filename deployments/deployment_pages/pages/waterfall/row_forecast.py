"""The expected course of unfinished rows, which an open page draws without new rows."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from deployments.cloudformation.status import is_final
from deployments.deployment_pages.display.waterfall import rows
from deployments.deployment_pages.display.waterfall.rows import NAMED, row_id
from deployments.deployment_pages.pages.waterfall import row_html
from deployments.stacks.display.paths import name_of
from deployments.stacks.models.timeline import Timeline, TimelineRow
from deployments.stacks.rules.time_axis import TimeAxis


def forecast_of_rows(timeline: Timeline, axis: TimeAxis, *, exclude: Collection[str] = ()) -> dict[str, Any]:
    """Return the forecast, the critical path and the expectation for each row, in the page script's format.

    Times of rows are seconds since the beginning of the axis, None for now. `exclude` are paths of rows that
    are already in the update.
    """
    rest: dict[str, list[float | None]] = {}
    waits: dict[str, str] = {}
    slow: dict[str, str] = {}
    for path, line in timeline.lines.items():
        if path in exclude or (line.status and is_final(line.status)):
            continue
        if expected := _rest(line, axis, timeline.now):
            rest[row_id(path)] = expected
        if line.waiting_for:
            names = [name_of(waiting.path) for waiting in line.waiting_for]
            waits[row_id(path)] = row_html.waiting(names[:NAMED], max(0, len(names) - NAMED))
        if rows.is_slow(line) and line.usual:
            slow[row_id(path)] = row_html.slower(line.usual.seconds)
    forecast, turn = timeline.forecast, timeline.course.turn
    return {
        "turn": None if turn is None else axis.seconds(turn),
        "axis": [axis.start, axis.end],
        "band": [round(forecast.end), round(forecast.low), round(forecast.high)] if forecast else None,
        "critical": [row_id(path) for path in timeline.critical.marked],
        "rest": rest,
        "waits": waits,
        "slow": slow,
    }


def _rest(line: TimelineRow, axis: TimeAxis, now: int) -> list[float | None] | None:
    """Return the start and end of the time still to come; None if there is none."""
    if line.expected is None or line.expected.end is None or line.expected.end <= now:
        return None
    if line.intervals and line.intervals[-1].end is not None:
        return None
    has_begun = bool(line.intervals) or line.expected.start is None
    begins = None if has_begun or line.expected.start is None else axis.seconds(line.expected.start)
    return [begins, axis.seconds(line.expected.end)]
