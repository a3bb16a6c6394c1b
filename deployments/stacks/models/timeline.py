"""The timeline of a deployment, for its waterfall: read in three queries, then computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from deployments.cloudformation import dependencies
from deployments.cloudformation.dependencies import Edge, Waiting
from deployments.cloudformation.root_cause import Failure, first_failure
from deployments.cloudformation.schedule import PHASE, Schedule, Span
from deployments.cloudformation.status import DisplayStatus, OperationKind, display_status, is_failed
from deployments.cloudformation.timeline import Changes, Interval, OperationRun, in_ms, of_stack, runs
from deployments.cloudformation.usual_durations import (
    CLOSING_TYPE,
    PHASE_TYPE,
    DurationHistory,
    UsualDuration,
)
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.intervals import WORKER_SILENT
from deployments.environments.rules.phases import (
    BEFORE_STACKS,
    DELETING,
    OPTIONAL,
    ROLLBACKS,
    Kind,
    State,
    phases_of,
)
from deployments.stacks.models.durations import Expectation
from deployments.stacks.models.events import Event, failures_by_row
from deployments.stacks.models.stacks import STACK_TYPE, Resource, Stack
from deployments.stacks.rules.course import (
    Course,
    forward_runs,
    nested_turn,
    protected_from,
    turn_of,
    without_protecting,
)
from deployments.stacks.rules.critical_path import CriticalPath, critical_path
from deployments.stacks.rules.forecast import Forecast, is_slow, project
from deployments.stacks.rules.progress import resource_state, turns_back
from deployments.stacks.rules.row_results import RowResult, result_of

CLOSING = "/"
"""Suffix of a stack's path for the time that it takes after its last part has ended."""


PENDING = RowResult(status=DisplayStatus.PENDING)
"""The result of a row that has not begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """One stack, resource or phase (`@…`) of the waterfall, by its path; "" is the root stack.

    `result` is what pages display of a stack or resource. `usual` is its usual duration (None: unknown),
    `expected` its expected start and end (None once the deployment has ended or rolls back). Times are epoch
    milliseconds.
    """

    path: str
    type: str
    status: str = ""
    is_stack: bool = False
    intervals: tuple[Interval, ...] = ()
    runs: tuple[OperationRun, ...] = ()
    result: RowResult = PENDING
    depends_on: tuple[Edge, ...] = ()
    blocks: tuple[str, ...] = ()
    waiting_for: tuple[Waiting, ...] = ()
    usual: UsualDuration | None = None
    expected: Span | None = None
    is_slow: bool = False
    is_critical: bool = False

    @property
    def span(self) -> Span:
        """Return its start and end; the end is None while it is in progress."""
        if not self.intervals:
            return Span()
        return Span(self.intervals[0].start, self.intervals[-1].end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The rows by path, stacks before the resources in them, and the forecast while there is one.

    `start`, `began` and `now` (the end, once it has ended) are epoch milliseconds. A change begins when its
    waits after Apply are over; before, `began` is `now`. `expectation` is the forecast at the request. The
    critical path of a failed deployment leads to the first failure.
    """

    start: int
    began: int
    now: int
    course: Course
    lines: Mapping[str, TimelineRow] = field(default_factory=dict)
    forecast: Forecast | None = None
    critical: CriticalPath = field(default_factory=CriticalPath)
    expectation: Forecast | None = None

    def line(self, path: str) -> TimelineRow | None:
        """Return the row at a path."""
        return self.lines.get(path)


def load(
    deployment: Deployment,
    *,
    stacks: Iterable[Stack] | None = None,
    landmarks: Iterable[Event] | None = None,
    now: datetime | None = None,
) -> Timeline:
    """Return a deployment's timeline.

    `stacks` (with their resources prefetched) and `landmarks` are read from the database unless they are
    passed.
    """
    if stacks is None:
        stacks = Stack.objects.of(deployment).prefetch_related("resources")
    if landmarks is None:
        landmarks = Event.objects.of(deployment).landmarks()
    expectation = Expectation.objects.filter(deployment=deployment).first()
    until = in_ms(deployment.ended_at or now or timezone.now())
    return _TimelineBuilder(deployment, list(stacks), list(landmarks), expectation, until).timeline()


def around_the_stacks(
    kind: Kind, *, optional: Set[State] = frozenset(), is_applied: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the phases before and after the stacks.

    An applied change begins with its snapshots, its servers or its stacks: the time before includes a
    person's decision about its preview.
    """
    phases = phases_of(kind, optional)
    at = phases.index(State.STACKS)
    before, after = phases[:at], phases[at + 1 :]
    if is_applied:
        before = tuple(phase for phase in before if phase in OPTIONAL)
    return tuple(f"{PHASE}{p.value}" for p in before), tuple(f"{PHASE}{p.value}" for p in after)


def operation_for(kind: Kind) -> OperationKind:
    """Return the operation of a deployment of this kind on its resources."""
    if kind in DELETING:
        return OperationKind.DELETE
    return OperationKind.CREATE if kind is Kind.CREATE else OperationKind.UPDATE


def course_of(
    deployment: Deployment,
    root: Iterable[OperationRun],
    nested: Mapping[str, Iterable[OperationRun]] | None = None,
) -> Course:
    """Return the course of a deployment whose root stack had these runs; `nested`: those of nested stacks."""
    kind, own = Kind(deployment.kind), tuple(root)
    protected = protected_from(own) if kind is Kind.CREATE or deployment.protects else None
    goes_back = kind is Kind.DELETE or kind in ROLLBACKS
    turns = {} if goes_back else {path: nested_turn(one, protected) for path, one in (nested or {}).items()}
    return Course(
        kind=kind,
        turn=None if goes_back else turn_of(own, protected),
        nested={path: turn for path, turn in turns.items() if turn is not None},
        protected_from=protected,
        is_over=not deployment.is_active,
        is_success=deployment.state == State.SUCCEEDED,
        is_canceled=deployment.is_stopping,
        unchanged=deployment.unchanged if kind is Kind.UPDATE else frozenset(),
    )


def failures_of(
    deployment: Deployment, events: Iterable[Event], root_changes: Changes | None = None
) -> list[Failure]:
    """Return the failures in events that can have caused the deployment's failure; see `Course.counts`.

    `root_changes` are those of the root stack; they are read if needed and not passed.
    """
    found = [failure for event in events if (failure := event.as_failure())]
    if not found or (not deployment.is_stopping and deployment.last_phase != State.PROTECT):
        return found
    if root_changes is None:
        rows = Stack.objects.of(deployment).filter(path="").values_list("changes", flat=True)
        root_changes = rows.first() or []
    course = course_of(deployment, runs(root_changes))
    return [failure for failure in found if course.counts(failure)]


def phase_spans(deployment: Deployment, landmarks: Iterable[Event]) -> dict[str, Span]:
    """Return the start and end of each of the portal's own phases that has begun."""
    if deployment.is_never_begun:
        return {}
    starts = {State.PREFLIGHT.value: in_ms(deployment.preflight_at)}
    for event in landmarks:
        if event.code == "phase":
            starts[str(event.values.get("phase"))] = in_ms(event.at)
    before = BEFORE_STACKS - OPTIONAL if deployment.is_applied_change else frozenset()
    order = [
        phase.value
        for phase in phases_of(Kind(deployment.kind), OPTIONAL)
        if phase.value in starts and phase not in before
    ]
    if not order:  # applied, and waiting in the queue
        return {}
    end = in_ms(deployment.ended_at) if deployment.ended_at else None
    ends: list[int | None] = [*(starts[phase] for phase in order[1:]), end]
    return {
        f"{PHASE}{phase}": Span(starts[phase], end)
        for phase, end in zip(order, ends, strict=True)
        if phase != State.STACKS.value
    }


def usual_in(schedule: Schedule, usual: Mapping[str, UsualDuration]) -> dict[str, UsualDuration]:
    """Return the durations of the parts of a schedule; for a stack, the time after the last part in it."""
    found = {}
    for path in schedule.parts:
        own = usual.get(path + CLOSING if schedule.is_stack(path) else path)
        if own is not None:
            found[path] = own
    return found


class _TimelineBuilder:
    """Build the timeline of one deployment from its rows."""

    def __init__(
        self,
        deployment: Deployment,
        stacks: list[Stack],
        landmarks: list[Event],
        expectation: Expectation | None,
        now: int,
    ) -> None:
        self.deployment, self.expectation, self.now = deployment, expectation, now
        self.seen = self._last_seen()
        self.kind = Kind(deployment.kind)
        self.stacks = {stack.path: stack for stack in stacks}
        self.resources: dict[str, Resource] = {}
        for stack in stacks:
            for resource in stack.resources.all():
                path = f"{stack.path}/{resource.logical_id}" if stack.path else resource.logical_id
                self.resources[path] = resource
        self.types = {path: resource.type for path, resource in self.resources.items()}
        self.types |= dict.fromkeys(self.stacks, STACK_TYPE)
        self.edges = {path: dependencies.from_rows(row.depends_on) for path, row in self.resources.items()}
        before, after = around_the_stacks(
            self.kind,
            optional=deployment.optional_phases,
            is_applied=deployment.is_applied_change,
        )
        self.schedule = Schedule.cached(
            self.types, self.edges, backwards=self.kind in DELETING, before=before, after=after
        )
        self.usual = self._usual()
        self.phases = phase_spans(deployment, landmarks)
        self.runs = {path: runs(self._changes(path)) for path in self.types}
        nested = {path: self.runs[path] for path in self.stacks if path}
        self.course = course_of(deployment, self.runs.get("", ()), nested)
        self.failed = self._first_failure(landmarks)
        self.began = self._began(landmarks)
        self.failures = failures_by_row(landmarks)

    def timeline(self) -> Timeline:
        """Return the timeline."""
        known = self.phases | {
            path: Span(own[0].start, own[-1].end) for path in self.types if (own := self._waited_for(path))
        }
        forecast, spans = self._forecast(known)
        critical = self._critical_path(spans or known)
        waits = dependencies.reversed_edges(self.edges) if self.kind in DELETING else self.edges
        blocked = dependencies.blocked_by(self.edges)
        states = {path: self._status(path) for path in self.types}
        lines = {}
        for path in self.schedule.parts:
            lines[path] = TimelineRow(
                path=path,
                type=self.types.get(path, PHASE_TYPE),
                status=states.get(path, ""),
                is_stack=self.schedule.is_stack(path),
                intervals=self._intervals(path),
                runs=self.runs.get(path, ()),
                result=self._result(path, states.get(path, "")),
                depends_on=self.edges.get(path, ()),
                blocks=blocked.get(path, ()),
                waiting_for=self._waiting_for(path, waits, states),
                usual=self.usual.get(path),
                expected=spans.get(path),
                is_slow=is_slow(self.usual.get(path), self._seconds(known.get(path))),
                is_critical=path in critical.marked,
            )
        return Timeline(
            start=in_ms(self.deployment.began_at),
            began=self.began,
            now=self.now,
            course=self.course,
            lines=lines,
            forecast=forecast,
            critical=critical,
            expectation=self._expected(),
        )

    def _first_failure(self, landmarks: Iterable[Event]) -> str:
        """Return the path of the first failure; "" if there is none or the deployment may still succeed."""
        if not self.course.starts_nothing_more:
            return ""
        known = {failure: event.subject for event in landmarks if (failure := event.as_failure())}
        found = {failure: subject for failure, subject in known.items() if self.course.counts(failure)}
        failure = first_failure(found)
        return found[failure] if failure else ""

    def _began(self, landmarks: Iterable[Event]) -> int:
        """Return when its work began: neither the decision about a preview nor a wait is part of it."""
        start = in_ms(self.deployment.began_at)
        if self.kind is not Kind.UPDATE:
            return start
        begun = (
            in_ms(event.at)
            for event in landmarks
            if event.code == "phase"
            and event.values.get("phase") in (State.SNAPSHOT, State.SERVERS, State.STACKS)
        )
        first = min(begun, default=None) if self.deployment.is_applied_change else None
        return self.now if first is None else max(start, first)

    def _critical_path(self, spans: Mapping[str, Span]) -> CriticalPath:
        if not self.resources:
            return CriticalPath()
        if not self.failed:
            return critical_path(self.schedule, spans)
        forward = dict(spans)
        for path in self.types:
            if own := forward_runs(self._waited_for(path), self.course.of(path)):
                forward[path] = Span(own[0].start, own[-1].end)
            else:
                forward.pop(path, None)
        return critical_path(self.schedule, forward, to=self.failed)

    def _waiting_for(
        self, path: str, waits: dependencies.Edges, states: Mapping[str, str]
    ) -> tuple[Waiting, ...]:
        """Return the dependencies that a resource waits for; none once nothing more begins."""
        course = self.course.of(path)
        if path not in states or course.starts_nothing_more or course.is_over:
            return ()
        return dependencies.waiting_for(path, waits, states)

    def _usual(self) -> dict[str, UsualDuration]:
        stored = self.expectation.usual if self.expectation else {}
        found = {path: usual for path, row in stored.items() if (usual := UsualDuration.from_row(row))}
        account = self.deployment.environment.account
        unknown = DurationHistory((), operation_for(self.kind), account.timings.scale)
        for path in self.schedule.parts:
            if self.schedule.is_stack(path) and path + CLOSING not in found:
                found[path + CLOSING] = unknown.of(path + CLOSING, CLOSING_TYPE)
            elif not self.schedule.is_stack(path) and path not in found:
                found[path] = unknown.of(path, self.types.get(path, PHASE_TYPE))
        return found

    def _changes(self, path: str) -> list[list[int | str]]:
        """Return the changes of a resource; for a stack, its own: they are more precise than its parent's."""
        stack, resource = self.stacks.get(path), self.resources.get(path)
        return (stack.changes if stack else None) or (resource.changes if resource else None) or []

    def _waited_for(self, path: str) -> tuple[OperationRun, ...]:
        """Return the runs that others wait for; for a nested stack, those in its parent's events."""
        resource = self.resources.get(path)
        is_nested = resource is not None and path in self.stacks and bool(resource.changes)
        own = runs(resource.changes) if resource is not None and is_nested else self.runs[path]
        return without_protecting(own, self.course.protected_from)

    def _intervals(self, path: str) -> tuple[Interval, ...]:
        if path in self.phases:
            span = self.phases[path]
            return (Interval("", int(span.start or 0), None if span.end is None else int(span.end)),)
        own = tuple(interval for run in self.runs.get(path, ()) for interval in run.intervals)
        if own or path not in self.stacks:
            return own
        below = (self._changes(below) for below in self.schedule.inside.get(path, ()))
        return of_stack((), below)

    def _status(self, path: str) -> str:
        stack, resource = self.stacks.get(path), self.resources.get(path)
        status = (stack.status if stack else "") or (resource.status if resource else "")
        return resource_state(self.kind, status)

    def _result(self, path: str, status: str) -> RowResult:
        own, failures = self.runs.get(path, ()), self.failures.get(path, ())
        if not own and status:  # a row with a status but without times
            return RowResult(status=display_status(status))
        is_stack, course = self.schedule.is_stack(path), self.course.of(path)
        return result_of(own, course, failures, is_stack=is_stack, is_root=not path)

    def _seconds(self, span: Span | None) -> float:
        if span is None or span.start is None:
            return 0.0
        return max(0.0, (self.seen if span.end is None else span.end) - span.start) / 1000

    def _last_seen(self) -> int:
        """Return the time up to which the state is known: now, unless no poll has succeeded for a while.

        Then no worker polls, or AWS throttles its polls. No part counts as slow, and there is no forecast.
        """
        if not self.deployment.is_active:
            return self.now
        polled = self.deployment.polled_at
        if self.deployment.failures and polled and self.now - in_ms(polled) > 1000 * WORKER_SILENT:
            return in_ms(polled)
        due = self.deployment.due_at
        step = in_ms(self.deployment.ticked_at or self.deployment.created_at)
        is_late = due is not None and in_ms(due) < self.now and self.now - step > 1000 * WORKER_SILENT
        return step if is_late else self.now

    def _forecast(self, known: Mapping[str, Span]) -> tuple[Forecast | None, Mapping[str, Span]]:
        root = self._status("") if "" in self.stacks else ""
        if (
            not self.deployment.is_active
            or self.seen < self.now
            or turns_back(self.kind, root, self.deployment.last_phase)
            or self.course.nested
            or is_failed(root)
        ):
            return None, {}
        if not self.resources:
            return self._expected(), {}
        runs_before = self.expectation.runs if self.expectation else 0
        found = project(self.schedule, usual_in(self.schedule, self.usual), known, self.now, runs=runs_before)
        return found.forecast, found.spans

    def _expected(self) -> Forecast | None:
        if self.expectation is None:
            return None
        start = self.began
        end, low, high = (
            start + 1000 * s for s in (self.expectation.seconds, self.expectation.low, self.expectation.high)
        )
        return Forecast(end, low, high, self.expectation.runs)
