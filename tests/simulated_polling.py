"""A deployment polled on a simulated clock: the calls, and the delay until each event is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from deployments.cloudformation.dependencies import stack_of
from deployments.cloudformation.polling import AWS, PolledStack, TokenBucket, choose, delay
from deployments.cloudformation.status import OperationKind
from deployments.cloudformation.usual_durations import DurationHistory
from deployments.stacks.rules.forecast import project
from tests.simulated_deployments import CLOSING, Happened, World

LATENCY = 0.15  # duration of a call in seconds
Expect = Callable[[str, float], float | None]


def nothing_expected(path: str, now: float) -> float | None:
    return None


def by_forecast(world: World, happened: Happened) -> Expect:
    """Return a function for the time of a stack's next expected event, by forecasts during the deployment."""
    history = DurationHistory(world.taken, OperationKind.CREATE)
    usual = {
        path: history.of(path + CLOSING if world.plan.is_stack(path) else path, world.type(path))
        for path in world.plan.parts
    }
    known: dict[int, dict[str, list[float]]] = {}

    def expect(path: str, now: float) -> float | None:
        moment = int(now / 3) * 3
        if moment not in known:
            spans = project(world.plan, usual, happened.known_at(moment * 1000), moment * 1000.0).spans
            coming: dict[str, list[float]] = {}
            known[moment] = coming
            for part, span in spans.items():
                times = [at / 1000 for at in (span.start, span.end) if at is not None and at > 1000 * moment]
                for stack in {stack_of(part), part} if world.plan.is_stack(part) else {stack_of(part)}:
                    if part and not part.startswith("@"):
                        coming.setdefault(stack, []).extend(times)
        return min((at for at in known[moment].get(path, ()) if at > now), default=None)

    return expect


@dataclass
class Seen:
    """The number of calls, and the seconds until each event was read."""

    calls: int = 0
    lags: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def calls_a_minute(self) -> float:
        return self.calls / self.seconds * 60

    @property
    def mean(self) -> float:
        return sum(self.lags) / len(self.lags)

    @property
    def p95(self) -> float:
        return sorted(self.lags)[int(0.95 * len(self.lags))]


def events_of(world: World, happened: Happened) -> dict[str, list[float]]:
    """Return the times (seconds) of the events in each stack: its own events and those of its resources."""
    found: dict[str, list[float]] = {path: [] for path in world.plan.inside}
    for path, span in happened.spans.items():
        if path.startswith("@") or span.start is None or span.end is None:
            continue
        start, end = span.start / 1000, span.end / 1000
        if path in found:
            found[path] += [start, end]
        if path:
            found[stack_of(path)] += [start, min(start + 1.0, end), end]
    return {path: sorted(times) for path, times in found.items()}


@dataclass
class Poller:
    """Polls a deployment's stacks from the root's start to its end, as `stacks.steps.poll_selection` does."""

    world: World
    happened: Happened
    expect: Expect = nothing_expected
    expected_seconds: float = 660.0

    def __post_init__(self) -> None:
        self.events = events_of(self.world, self.happened)
        self.begun = {path: (self.happened.spans[path].start or 0) / 1000 for path in self.events}
        self.known = {"": 0}
        self.asked: dict[str, tuple[float, int]] = {}
        self.seen = Seen()
        self.now = self.begun[""]

    def watched(self) -> list[PolledStack]:
        return [
            PolledStack(
                path=path,
                polled_at=self.asked[path][0] if path in self.asked else None,
                quiet=self.asked[path][1] if path in self.asked else 0,
                expected=self.expect(path, self.now),
            )
            for path in self.known
        ]

    def run(self) -> Seen:
        begin = self.now
        bucket = TokenBucket.for_seconds(self.expected_seconds).at_time(begin)
        root_polled_at = 0.0
        while self.known:
            bucket = bucket.at_time(self.now)
            if self.now - root_polled_at >= AWS.root_interval:  # DescribeStacks of the root stack
                root_polled_at = self.now
                bucket = bucket.spend(1)
                self.seen.calls += 1
            for path in choose(self.watched(), bucket, self.now):
                bucket = bucket.spend(1)
                self.send(path)
            self.seen.seconds = self.now - begin
            self.now += delay(self.watched(), bucket, self.now)
        return self.seen

    def send(self, path: str) -> None:
        self.now += LATENCY
        self.seen.calls += 1
        before = self.known[path]
        read = [at for at in self.events[path][before:] if at <= self.now]
        self.seen.lags += [self.now - at for at in read]
        self.known[path] = before + len(read)
        quiet = self.asked.get(path, (0.0, 0))[1]
        self.asked[path] = (self.now, 0 if read else quiet + 1)
        for child, begun in self.begun.items():
            if child and stack_of(child) == path and begun <= self.now and child not in self.asked:
                self.known.setdefault(child, 0)
        if self.known[path] == len(self.events[path]):
            del self.known[path]
