"""The view model of a deployment's page: rows on a time axis, a forecast, and the summary above them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from deployments.cloudformation.root_cause import Failure
from deployments.cloudformation.schedule import PHASE
from deployments.cloudformation.status import DisplayStatus, display_status
from deployments.cloudformation.timeline import in_ms
from deployments.common.pages.datetime_formats import clock
from deployments.common.pages.locale import Locale
from deployments.deployment_pages.display.waterfall.rows import Row, StackSummary, phase_row, stopped
from deployments.deployment_pages.pages import log, rendered, summary
from deployments.deployment_pages.pages.log import LogLine
from deployments.deployment_pages.pages.summary import Summary
from deployments.deployment_pages.pages.waterfall import cache, progress, row_html
from deployments.deployment_pages.pages.waterfall.cache import CachedTimeline
from deployments.deployment_pages.pages.waterfall.other_failures import OtherFailures, other_failures
from deployments.deployment_pages.pages.waterfall.released_servers import PLACE, server_rows
from deployments.deployment_pages.pages.waterfall.row_builder import RowBuilder
from deployments.environments.display import headlines
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind, State, phase_statuses
from deployments.recovery.display.canceling import Cancellation, cancel_offer, cancellation
from deployments.releases.display import release_servers
from deployments.stacks.display.eta import Eta, eta
from deployments.stacks.display.paths import join
from deployments.stacks.display.phases import phase_status
from deployments.stacks.display.remaining import RemainingView, remaining_view
from deployments.stacks.display.tree import ResourceTree, build_tree, load_branches
from deployments.stacks.display.tree_counts import left_out_of
from deployments.stacks.models import timeline as timelines
from deployments.stacks.models.events import Event, failures_by_row
from deployments.stacks.models.past_state import PastState
from deployments.stacks.models.timeline import Timeline, around_the_stacks
from deployments.stacks.rules.time_axis import RULES, TimeAxis


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentView:
    """The content of a page or an update. `tree` may be a part of the deployment; all else covers the whole.

    `now` is the end of a deployment that has ended (epoch milliseconds). `computed_seq` is the number of the
    last event in the timeline.
    """

    deployment: Deployment
    tree: ResourceTree
    timeline: Timeline
    summary: Summary
    now: int
    computed_seq: int = 0
    inside: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    failures: Mapping[str, Sequence[Failure]] = field(default_factory=dict)
    cancellation: Cancellation | None = None
    servers: Sequence[Row] = ()
    is_past: bool = False
    summaries: dict[str, StackSummary] | None = None

    @classmethod
    def whole(cls, deployment: Deployment) -> Self:
        """Read the whole deployment."""
        found = cache.load(deployment)
        return cls._of(deployment, found.tree, found, found.landmarks)

    @classmethod
    def past(cls, past: PastState) -> Self:
        """Return the view at an event; the current instances of groups are not in it."""
        then = past.deployment
        tree = build_tree(Kind(then.kind), past.stacks, then.last_phase, left_out_of(then))
        timeline = timelines.load(then, stacks=past.stacks, landmarks=past.landmarks, now=past.now)
        now = in_ms(then.ended_at or past.now)
        return cls(
            deployment=then,
            tree=tree,
            timeline=timeline,
            summary=summary.summarise(then, tree, past.landmarks, progress.replayed(past, timeline)),
            now=now,
            computed_seq=then.last_seq,
            failures=failures_by_row(past.landmarks),
            cancellation=_cancellation(then, tree, past.landmarks),
            servers=server_rows(past.landmarks, now),
            is_past=True,
        )

    @classmethod
    def part(cls, deployment: Deployment, paths: Iterable[str], known: CachedTimeline) -> Self:
        """Read the rows in and around some paths; everything else comes from the cache."""
        return cls._of(deployment, load_branches(deployment, paths), known, cache.landmarks(deployment))

    @classmethod
    def _of(
        cls, deployment: Deployment, tree: ResourceTree, known: CachedTimeline, landmarks: Sequence[Event]
    ) -> Self:
        now = in_ms(deployment.ended_at or timezone.now())
        done = progress.shown(deployment, tree, known.timeline, now)
        return cls(
            deployment=deployment,
            tree=tree,
            timeline=known.timeline,
            summary=summary.summarise(deployment, tree, landmarks, done),
            now=now,
            computed_seq=known.seq,
            inside=known.inside,
            failures=failures_by_row(landmarks),
            cancellation=_cancellation(deployment, tree, landmarks),
            servers=server_rows(landmarks, now),
            summaries=known.summaries if known.tree is tree else None,
        )

    @property
    def title(self) -> str:
        """Return the page's title."""
        return self.summary.title(self.deployment)

    @property
    def axis(self) -> TimeAxis:
        """Return the axis, from the request to the last actual or expected end."""
        lines = self.timeline.lines.values()
        ends = [interval.end for line in lines for interval in line.intervals if interval.end is not None]
        ahead = self.timeline.forecast.high if self.timeline.forecast else 0
        last = max([self.now, ahead, *ends])
        return TimeAxis.until(self.timeline.start, last, running=self.deployment.is_active)

    @property
    def eta(self) -> Eta | None:
        """Return the expected end; None after the end or without a forecast."""
        return eta(self.timeline.forecast, self.now) if self.deployment.is_active else None

    def row_builder(self) -> RowBuilder:
        """Return the builder of the rows."""
        return RowBuilder(
            tree=self.tree,
            lines=self.timeline.lines,
            now=self.now,
            course=self.timeline.course,
            failures=self.failures,
            focus=self.first_failure,
            inside=self.inside,
            summaries=self.summaries,
        )

    @property
    def first_failure(self) -> str | None:
        """Return the path of the row that failed first; None if nothing failed.

        It is the server's row if the server on which an association failed is known.
        """
        failure = self.summary.failure
        if failure is None:
            return None
        path = "/".join(part for part in (failure.path, failure.logical_id) if part)
        return next((row.path for row in self.inside.get(path, ()) if row.is_cause), path)

    def rows(self, paths: Iterable[str] | None = None) -> tuple[Row, ...]:
        """Return the rows at these paths; without paths, all of them and the phases around the stacks."""
        if paths is not None:
            return self._stopped(self.row_builder().some(paths))
        return self._with_phases(self.row_builder().all())

    def first_rows(self, wanted: Iterable[str] = ()) -> tuple[Row, ...]:
        """Return the rows that the page begins with, including those around the paths `wanted`."""
        found = progress.first_rows(self.row_builder(), wanted)
        return self._with_phases(found)

    def rows_in(self, stacks: Iterable[str]) -> tuple[Row, ...]:
        """Return the direct content of some stacks."""
        return self._stopped(progress.rows_in(self.row_builder(), stacks))

    def rows_without_events(self) -> tuple[Row, ...]:
        """Return the rows that change without a stack event: servers with their groups, and phases."""
        builder = self.row_builder()
        found: list[Row] = []
        for path, below in self.inside.items():
            found += [*builder.some([path]), *below]
        return self._stopped((*found, *self._phases())) if self.tree.nodes else ()

    def row(self, path: str) -> Row | None:
        """Return the row at a path, of any kind; None if there is none."""
        if path in self.tree.nodes:
            found = [self.row_builder().row(path)]
        else:
            found = [*self._phases(), *(row for below in self.inside.values() for row in below)]
        return next(iter(self._stopped(row for row in found if row.path == path)), None)

    def status_at(self, path: str) -> DisplayStatus:
        """Return the status to display for the row at a path, even if it was not read."""
        line = self.timeline.line(path)
        return line.result.status if line else DisplayStatus.PENDING

    def _with_phases(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        """Return the rows of stacks between those of the phases before and after; none without stacks."""
        if not self.tree.nodes:
            return ()
        phases = tuple(self._phases())
        early = sum(row.path.startswith(PLACE) for row in phases)
        return self._stopped((*phases[:early], *rows, *phases[early:]))

    def _stopped(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        """Return the rows; after the end of the deployment, without clocks that go on."""
        return tuple(rows) if self.deployment.is_active else tuple(stopped(row, self.now) for row in rows)

    def _phases(self) -> Iterable[Row]:
        deployment = self.deployment
        kind, optional = Kind(deployment.kind), deployment.optional_phases
        is_back = self.timeline.course.has_turned
        state, last = State(deployment.state), State(deployment.last_phase)
        statuses = dict(phase_statuses(kind, state, last, optional=optional, is_back=is_back))
        failure, first = self.summary.failure, self.first_failure
        before, after = around_the_stacks(kind, optional=optional, is_applied=True)
        for path in (*before, *after):
            line = self.timeline.line(path)
            if line is None:
                continue
            phase = path.removeprefix(PHASE)
            is_cause = path == first
            below = self.servers if path == PLACE else ()
            yield phase_row(
                line,
                headlines.phase(phase),
                status=phase_status(deployment, phase, statuses[State(phase)]),
                now=self.now,
                is_cause=is_cause,
                reason=failure.reason if failure and is_cause else "",
                children=below,
            )
            yield from below

    def render_rows(self, rows: Iterable[Row], locale: Locale) -> list[SafeString]:
        """Return rows as HTML, in the active `locale`."""
        axis = self.axis
        return [rendered.row(row, axis, self.now, locale) for row in rows]

    def chart(self) -> dict[str, Any]:
        """Return the context of the table's head."""
        axis = self.axis
        now = f"{axis.percent(self.now):g}"
        turn = self.timeline.course.turn
        flag = row_html.flag(row_html.texts_of(get_language() or ""))
        return {
            "axis": axis,
            "axis_rules": json.dumps(RULES),
            "ticks": [(f"{tick.percent:.2f}", clock(tick.seconds)) for tick in axis.ticks()],
            "now_x": now,
            "kind": Kind(self.deployment.kind).value,
            "turn": None if turn is None else f"{axis.seconds(turn):g}",
            "turn_x": None if turn is None else f"{axis.percent(turn):g}",
            "flag": flag,
        }

    def context(self) -> dict[str, Any]:
        """Return the context of the partial templates above the rows."""
        return {
            "deployment": self.deployment,
            "tree": self.tree,
            "summary": self.summary,
            "eta": self.eta,
            "latest": self.latest(),
            "others": self.other_failures(),
            "remaining": self._remaining(),
            "cancellation": self.cancellation,
            "servers": None if self.is_past else release_servers(self.deployment),
            "cancel_offer": None if self.is_past else cancel_offer(self.deployment, self.tree.root_status),
            "seen_at": datetime.fromtimestamp(self.now / 1000, UTC),
        }

    def other_failures(self) -> OtherFailures:
        """Return the other failures and the resources that were canceled as a result."""
        banner, first = self.summary.banner, self.first_failure
        if banner is None or first is None:
            return OtherFailures()
        named = {join(one.path, one.logical_id) for one in (banner.leaf, *banner.ties)}
        return other_failures(self.row_builder(), named | {first})

    def _remaining(self) -> RemainingView | None:
        """Return what remains in AWS; only for the latest deployment, since later ones change it."""
        is_latest = self.deployment.environment.latest_id == self.deployment.pk
        return remaining_view(self.deployment) if is_latest and not self.deployment.is_active else None

    def latest(self) -> list[tuple[LogLine, DisplayStatus]]:
        """Read the last events of an active deployment, the newest first (one query)."""
        if not self.deployment.is_active:
            return []
        known = Event.objects.of(self.deployment).up_to(self.deployment.last_seq)
        events = known.reverse()[:LATEST]
        return [(log.line(event), display_status(event.status, event.reason)) for event in events]


def _cancellation(
    deployment: Deployment, tree: ResourceTree, landmarks: Sequence[Event]
) -> Cancellation | None:
    root = tree.nodes.get("")
    return cancellation(deployment, landmarks, root.changes if root else ())


LATEST = 3
"""The latest events, listed above the rows."""
