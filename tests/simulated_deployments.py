"""Simulated deployments of the bundled template set, with random durations.

They resemble AWS's: each resource has its own median, which public logs only approximate, on some days
everything is slow, a few resources take much longer, and CloudFormation delays the start of each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from deployments.cloudformation.dependencies import Graph, read
from deployments.cloudformation.nested_templates import STACK
from deployments.cloudformation.schedule import Schedule, Span
from deployments.cloudformation.status import OperationKind
from deployments.cloudformation.usual_durations import (
    CLOSING_TYPE,
    PHASE_TYPE,
    DurationHistory,
    PastDuration,
    prior,
)
from deployments.stacks.rules.forecast import Forecast, project
from deployments.template_sets import template_files

INFRA = Path(__file__).parents[1] / "infra_templates"
BEFORE = ("@preflight", "@artifacts", "@change_set")
AFTER = ("@configuration", "@traffic", "@ready", "@protect")
CLOSING = "/"


def infra_graph() -> Graph:
    """Return the graph of the bundled set, as in a first deployment."""
    template_set = template_files.load(INFRA)
    defaults = {name: p.default or "" for name, p in template_set.parameters.items()}
    return read(template_set.contents, template_set.root.name, defaults)


@dataclass(frozen=True)
class Happened:
    """One simulated deployment: the span of every part, in milliseconds from its request."""

    spans: dict[str, Span]

    @property
    def end(self) -> float:
        return max(span.end or 0 for span in self.spans.values())

    def known_at(self, now: float) -> dict[str, Span]:
        """Return the spans that are known at this time."""
        return {
            path: Span(span.start, span.end if (span.end or 0) <= now else None)
            for path, span in self.spans.items()
            if span.start is not None and span.start <= now
        }


@dataclass
class World:
    """A simulated AWS: the real medians, and the durations of the deployments in it."""

    graph: Graph
    random: Random
    before: tuple[str, ...] = BEFORE
    after: tuple[str, ...] = AFTER
    medians: dict[str, float] = field(default_factory=dict)
    taken: list[PastDuration] = field(default_factory=list)
    runs: int = 0

    def __post_init__(self) -> None:
        self.plan = Schedule(self.graph.types, self.graph.edges, before=self.before, after=self.after)
        of_types: dict[str, float] = {}
        for path in self.plan.parts:
            type_ = self.type(path)
            off = of_types.setdefault(type_, self.random.gauss(0, 0.15))
            usual = prior(path, type_, OperationKind.CREATE)
            self.medians[path] = usual.seconds * math.exp(off + self.random.gauss(0, 0.08))

    def type(self, path: str) -> str:
        if self.plan.is_stack(path):
            return CLOSING_TYPE
        return self.graph.types.get(path, PHASE_TYPE)

    def deploy(self) -> Happened:
        """Simulate another deployment."""
        day = self.random.gauss(0, 0.07)
        seconds = []
        for path in self.plan.parts:
            spread = 0.22 if self.medians[path] < 30 else 0.12
            outlier = self.random.uniform(0.3, 0.7) if self.random.random() < 0.02 else 0.0
            seconds.append(self.medians[path] * math.exp(day + self.random.gauss(0, spread) + outlier))
        times = [0.0] * (2 * len(self.plan.parts))
        for act, earlier in self.plan.events:
            at = max([times[one] for one in earlier], default=0.0)
            # CloudFormation starts resources that are ready about every second.
            times[act] = at + 1000 * (seconds[act >> 1] if act & 1 else self.random.uniform(0.2, 1.5))
        return Happened({path: Span(times[2 * n], times[2 * n + 1]) for path, n in self.plan.number.items()})

    def learn(self, happened: Happened) -> None:
        """Add the deployment to the history like `deployments.stacks.shared.forecast`."""
        self.runs += 1
        for path, span in happened.spans.items():
            assert span.start is not None
            assert span.end is not None
            took = (span.end - span.start) / 1000
            if self.plan.is_stack(path):
                last = max((happened.spans[p].end or 0 for p in self.plan.inside[path]), default=0)
                self.taken.insert(0, PastDuration(path, STACK, took, here=True))
                self.taken.insert(
                    0, PastDuration(path + CLOSING, CLOSING_TYPE, (span.end - last) / 1000, here=True)
                )
            else:
                self.taken.insert(0, PastDuration(path, self.type(path), took, here=True))

    def forecasts(self, happened: Happened, instants: Sequence[float]) -> Iterator[tuple[float, Forecast]]:
        """Yield the forecast at each time (seconds from the request), based on the spans known then."""
        history = DurationHistory(self.taken, OperationKind.CREATE)
        usual = {
            path: history.of(path + CLOSING if self.plan.is_stack(path) else path, self.type(path))
            for path in self.plan.parts
        }
        for second in instants:
            now = 1000 * second
            known = happened.known_at(now)
            yield second, project(self.plan, usual, known, now, runs=self.runs).forecast


@dataclass(frozen=True)
class Honesty:
    """How often the real end was in the forecast range, and the errors of the forecast end."""

    held: int
    requested: int
    errors: tuple[float, ...]

    @property
    def coverage(self) -> float:
        return self.held / self.requested

    @property
    def median_error(self) -> float:
        """Return the median error, as a share of the remaining time."""
        return sorted(self.errors)[len(self.errors) // 2]


def honesty(world: World, deployments: int, *, every: int = 20, after: int = 60) -> Honesty:
    """Simulate this number of deployments, forecast during each of them, and add each to the history."""
    held = requested = 0
    errors = []
    for _ in range(deployments):
        happened = world.deploy()
        instants = range(after, int(happened.end / 1000), every)
        for second, forecast in world.forecasts(happened, instants):
            requested += 1
            held += forecast.low <= happened.end <= forecast.high
            left = happened.end / 1000 - second
            errors.append(abs(forecast.end - happened.end) / 1000 / max(left, 1))
        world.learn(happened)
    return Honesty(held, requested, tuple(errors))
