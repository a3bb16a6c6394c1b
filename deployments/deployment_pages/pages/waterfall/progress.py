"""The progress above the rows, the expected course of unfinished ones, and the rows that a page begins with.

Rows of closed stacks are sent when their stack is expanded or searched. Those of open stacks that do not fit
in the window follow right after the page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils import timezone

from deployments.cloudformation.status import is_final
from deployments.cloudformation.timeline import in_ms
from deployments.deployment_pages.display.waterfall import rows
from deployments.deployment_pages.display.waterfall.rows import NAMED, Row, row_id
from deployments.deployment_pages.pages.waterfall import cache, row_html
from deployments.deployment_pages.pages.waterfall.row_builder import RowBuilder
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.stacks.display.paths import and_above, name_of
from deployments.stacks.display.tree import ResourceTree
from deployments.stacks.models.past_state import PastState
from deployments.stacks.models.progress import contradicts_forecast
from deployments.stacks.models.timeline import Timeline, TimelineRow
from deployments.stacks.rules.progress import CLOSE, percent_of_time, turns_back
from deployments.stacks.rules.time_axis import TimeAxis


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayedProgress:
    """The progress in percent; None after the end and while nothing is known.

    `contradicts`: the forecast displayed beside it contradicts it, so only the bar shows it. `is_slow`: the
    reason is that the forecast has grown while the progress never goes back.
    """

    percent: int | None = None
    contradicts: bool = False
    is_slow: bool = False

    @property
    def number(self) -> int | None:
        """Return the percentage to display as a number beside the time left."""
        return None if self.contradicts else self.percent


def shown(deployment: Deployment, tree: ResourceTree, timeline: Timeline, now: int) -> DisplayedProgress:
    """Return the stored progress in the present direction.

    Between a failure and the rollback there is no forecast: the progress stays where it was.
    """
    if not deployment.is_active:
        return DisplayedProgress()
    if turns_back(Kind(deployment.kind), tree.root_status, deployment.last_phase, tree.nested_statuses):
        return DisplayedProgress(percent=deployment.rollback_progress or None)
    is_slow = contradicts_forecast(deployment, timeline, now)
    return DisplayedProgress(percent=deployment.progress or None, contradicts=is_slow, is_slow=is_slow)


def is_slower_than_forecast(deployment: Deployment) -> bool:
    """Return whether an active deployment takes longer than the forecast that its percentage is based on.

    The timeline comes from the cache of its page.
    """
    if not deployment.is_active or not deployment.progress:
        return False
    found = cache.load(deployment)
    return shown(deployment, found.tree, found.timeline, in_ms(timezone.now())).is_slow


def replayed(past: PastState, timeline: Timeline) -> DisplayedProgress:
    """Return the progress in a replay: the share of the time until the end, which is known.

    A failed deployment is measured against the forecast at its request. The percentage never goes back. The
    forecast beside it is that of the replayed time, and may have been wrong.
    """
    now = in_ms(past.now)
    turn = timeline.course.first_turn
    if turn is not None and past.ended_at:
        return DisplayedProgress(percent=percent_of_time(turn, now, in_ms(past.ended_at)))
    if past.has_succeeded and past.ended_at:
        percent = percent_of_time(timeline.began, now, in_ms(past.ended_at))
    elif timeline.expectation:
        percent = percent_of_time(timeline.began, now, timeline.expectation.end)
    else:
        return DisplayedProgress()
    if timeline.forecast is None:
        return DisplayedProgress(percent=percent)
    by_time = percent_of_time(timeline.began, now, timeline.forecast.end)
    return DisplayedProgress(percent=percent, contradicts=abs(percent - by_time) > CLOSE)


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


FILLED = 40
"""Number of resources that fill the window."""


def first_rows(builder: RowBuilder, wanted: Iterable[str] = ()) -> Iterator[Row]:
    """Yield the rows that a page begins with, including those around the paths `wanted`."""
    if not builder.is_large:
        return iter(builder.all())
    focus = () if builder.focus is None else (builder.focus,)
    always = {around for path in (*focus, *wanted) for around in and_above(path)} | {""}
    return _Walk(builder, always).below("", hidden=False) if "" in builder.tree.nodes else iter(())


def rows_in(builder: RowBuilder, stacks: Iterable[str]) -> Iterator[Row]:
    """Yield the direct content of some stacks in order; a nested stack only marks its position."""
    for path in stacks:
        for child in builder.tree.children.get(path, ()):
            if builder.is_stack(child):
                yield builder.row(child)
            else:
                yield from builder.below(child, hidden=False)


@dataclass(slots=True)
class _Walk:
    """A walk through the stacks from the root down; `used` counts the visible resources so far."""

    builder: RowBuilder
    always: Collection[str]
    used: int = field(default=0)

    def below(self, path: str, *, hidden: bool) -> Iterator[Row]:
        """Yield a stack, its nested stacks, and its resources if the page begins with them."""
        row = self.builder.row(path, hidden=hidden)
        children = self.builder.tree.children.get(path, ())
        resources = [child for child in children if not self.builder.is_stack(child)]
        first = set(resources[: self._number(row, resources)])
        yield replace(row, is_later=len(first) < len(resources), is_partial=0 < len(first) < len(resources))
        shut = hidden or not row.open
        for child in children:
            if self.builder.is_stack(child):
                yield from self.below(child, hidden=shut)
            elif child in first:
                yield from self.builder.below(child, hidden=shut)

    def _number(self, row: Row, resources: Sequence[str]) -> int:
        """Return how many of a stack's resources the page begins with; none after a group of servers."""
        if row.path in self.always:
            return len(resources)
        if row.hidden or not row.open:
            return 0
        number = min(len(resources), FILLED - self.used)
        self.used += number
        if number < len(resources):
            groups = self.builder.inside or {}
            number = next((n for n, path in enumerate(resources[:number]) if path in groups), number)
        return number
