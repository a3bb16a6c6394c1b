"""A deployment as one picture: rows on an axis, a forecast, and what stands above them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from deployments.core.phases import Kind, State
from deployments.core.schedule import PHASE
from deployments.core.status import DisplayStatus, display_status
from deployments.core.timeline import in_ms
from deployments.models import Deployment, Event
from deployments.models import timeline as timelines
from deployments.models.past_state import PastState
from deployments.models.timeline import Timeline, around_the_stacks
from deployments.presentation import log, rendered, summary
from deployments.presentation.locale import Locale
from deployments.presentation.log import Line
from deployments.presentation.summary import Summary
from deployments.presentation.text import wording
from deployments.presentation.waterfall import cache, row_html
from deployments.presentation.waterfall.axis import Axis
from deployments.presentation.waterfall.cache import Memory
from deployments.presentation.waterfall.eta import Eta, eta
from deployments.presentation.waterfall.rows import Grower, Row, of_phase
from deployments.presentation.waterfall.tree import Forest, forest, grove


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What a page or a frame shows. `forest` may be a part of the deployment; all the rest is of the whole.

    `now` is the end of a deployment that has ended (epoch milliseconds). `reckoned` is the number of the
    last event that the timeline knows of.
    """

    deployment: Deployment
    forest: Forest
    timeline: Timeline
    summary: Summary
    now: int
    reckoned: int = 0
    inside: Mapping[str, Sequence[Row]] = field(default_factory=dict)

    @classmethod
    def whole(cls, deployment: Deployment) -> Self:
        """Read and reckon everything."""
        forest, learned = cache.learn(deployment)
        return cls._of(deployment, forest, learned, learned.landmarks)

    @classmethod
    def past(cls, past: PastState) -> Self:
        """Reckon how things stood at an event; what is in groups now was not there then."""
        then = past.deployment
        grown = forest(Kind(then.kind), past.stacks)
        return cls(
            deployment=then,
            forest=grown,
            timeline=timelines.load(then, stacks=past.stacks, landmarks=past.landmarks, now=past.now),
            summary=summary.summarise(then, grown, past.landmarks),
            now=in_ms(then.ended_at or past.now),
            reckoned=then.last_seq,
        )

    @classmethod
    def part(cls, deployment: Deployment, paths: Iterable[str], known: Memory) -> Self:
        """Read what lies in and around some paths; the rest is as it is remembered."""
        return cls._of(deployment, grove(deployment, paths), known, cache.landmarks(deployment))

    @classmethod
    def _of(cls, deployment: Deployment, forest: Forest, known: Memory, landmarks: Sequence[Event]) -> Self:
        return cls(
            deployment=deployment,
            forest=forest,
            timeline=known.timeline,
            summary=summary.summarise(deployment, forest, landmarks),
            now=in_ms(deployment.ended_at or timezone.now()),
            reckoned=known.seq,
            inside=known.inside,
        )

    @property
    def title(self) -> str:
        """Return the page's title."""
        return self.summary.title(self.deployment)

    @property
    def axis(self) -> Axis:
        """Return the axis, from the request to the last thing there is or is expected."""
        lines = self.timeline.lines.values()
        ends = [interval.end for line in lines for interval in line.intervals if interval.end is not None]
        ahead = self.timeline.forecast.high if self.timeline.forecast else 0
        last = max([self.now, ahead, *ends])
        return Axis.over(self.timeline.start, last, running=self.deployment.is_active)

    @property
    def eta(self) -> Eta | None:
        """Return when it will end, None when that is past or nobody can say."""
        return eta(self.timeline.forecast, self.now) if self.deployment.is_active else None

    def grower(self) -> Grower:
        """Return what makes the rows."""
        failure = self.summary.failure
        return Grower(
            forest=self.forest,
            lines=self.timeline.lines,
            now=self.now,
            showing="/".join(p for p in (failure.path, failure.logical_id) if p) if failure else None,
            inside=self.inside,
        )

    def rows(self, paths: Iterable[str] | None = None) -> tuple[Row, ...]:
        """Return the rows at these paths, or else all of them and the phases after the stacks."""
        if paths is not None:
            return self.grower().some(paths)
        return self.grower().all() + tuple(self._phases()) if self.forest.nodes else ()

    def others(self) -> tuple[Row, ...]:
        """Return the rows that no event of a stack tells of: servers, with their groups, and phases."""
        grower = self.grower()
        found: list[Row] = []
        for path, below in self.inside.items():
            found += [*grower.some([path]), *below]
        return (*found, *self._phases()) if self.forest.nodes else ()

    def row(self, path: str) -> Row | None:
        """Return the row at a path, whatever kind of row it is; None when there is none."""
        if path in self.forest.nodes:
            return self.grower().row(path)
        others = [*self._phases(), *(row for below in self.inside.values() for row in below)]
        return next((row for row in others if row.path == path), None)

    def _phases(self) -> Iterable[Row]:
        _, after = around_the_stacks(Kind(self.deployment.kind))
        end = _END.get(State(self.deployment.state), DisplayStatus.PROGRESS)
        for path in after:
            line = self.timeline.line(path)
            if line is not None:
                yield of_phase(line, wording.phase(path.removeprefix(PHASE)), end_shown=end, now=self.now)

    def drawn(self, rows: Iterable[Row], locale: Locale) -> list[SafeString]:
        """Return rows as HTML. To be called while `locale` is active."""
        axis = self.axis
        return [rendered.row(row, axis, self.now, locale) for row in rows]

    def chart(self) -> dict[str, Any]:
        """Return what the head of the table needs."""
        axis = self.axis
        now = f"{axis.percent(self.now):g}"
        flag = row_html.flag(row_html.words_of(get_language() or ""))
        return {"axis": axis, "ticks": axis.ticks(), "now_percent": now, "modules": MODULES, "flag": flag}

    def context(self) -> dict[str, Any]:
        """Return what the partial templates above the rows need."""
        return {
            "deployment": self.deployment,
            "tree": self.forest,
            "summary": self.summary,
            "eta": self.eta,
            "latest": self.latest(),
        }

    def latest(self) -> list[tuple[Line, DisplayStatus]]:
        """Read the last events of a deployment that goes on, the newest first (one query)."""
        if not self.deployment.is_active:
            return []
        known = Event.objects.of(self.deployment).up_to(self.deployment.last_seq)
        events = known.reverse()[:LATEST]
        return [(log.line(event), display_status(event.status, event.reason)) for event in events]


LATEST = 3
"""Events that stand above the rows: what happens now."""
MODULES = tuple(
    f"deployments/{name}.js"
    for name in (
        *(
            "axis",
            "clock",
            "eta",
            "event_links",
            "events",
            "filters",
            "inspector",
            "notify",
            "replay",
            "rows",
        ),
        *("speak", "stream", "tabs"),
    )
)
"""What deployment.js imports: fetched beside it instead of after it."""
_END = {
    State.SUCCEEDED: DisplayStatus.DONE,
    State.FAILED: DisplayStatus.FAILED,
    State.ROLLED_BACK: DisplayStatus.ROLLED_BACK,
}
