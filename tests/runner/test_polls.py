"""A deployment is followed with few calls and little delay: counted at the gateway, on a clock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.utils import timezone

from deployments.aws.cloudformation import StackEvent, StackView
from deployments.aws.session import Clients
from deployments.core.dependencies import stack_of
from deployments.core.phases import State
from deployments.models import Deployment, Event, Resource, Stack, expected
from deployments.models.stack import STACK_TYPE
from deployments.runner import stack_poller, stack_polls, stack_rows
from tests.builders import make_account, make_deployment, make_environment, make_stack, stack_id
from tests.fakes import FakeAws
from tests.simulated import World, infra_graph

BEGIN = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


@dataclass
class Playing:
    """A CloudFormation in which a simulated deployment passes as its clock does."""

    world: World
    scale: float = 1.0
    now: datetime = BEGIN
    calls: int = 0
    asked: list[str] = field(default_factory=list)
    events: dict[str, list[StackEvent]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        spans = self.world.deploy().spans
        begin = spans[""].start or 0.0
        for path in self.world.plan.parts:
            span = spans[path]
            if path.startswith("@") or span.start is None or span.end is None:
                continue
            start, end = ((at - begin) / 1000 * self.scale for at in (span.start, span.end))
            if self.world.plan.is_stack(path):
                self._add(path, "", "CREATE_IN_PROGRESS", start)
                self._add(path, "", "CREATE_COMPLETE", end)
            if path:
                for word, at in (
                    ("IN_PROGRESS", start),
                    ("IN_PROGRESS", start + self.scale),
                    ("COMPLETE", end),
                ):
                    self._add(stack_of(path), path.rpartition("/")[2], f"CREATE_{word}", min(at, end))
        for own in self.events.values():
            own.sort(key=lambda event: event.at)

    def _add(self, stack: str, logical_id: str, status: str, seconds: float) -> None:
        path = f"{stack}/{logical_id}".strip("/")
        nested = self.world.plan.is_stack(path)
        own = self.events.setdefault(stack_id(stack or "root"), [])
        own.append(
            StackEvent(
                event_id=f"{logical_id}-{len(own)}",
                stack_id=stack_id(stack or "root"),
                stack_name=stack or "root",
                logical_id=logical_id or stack or "root",
                physical_id=stack_id(path or "root") if nested else f"id-{path}",
                type=STACK_TYPE if nested else self.world.graph.types[path],
                status=status,
                reason="",
                at=BEGIN + timedelta(seconds=seconds),
            )
        )

    def _called(self) -> None:
        self.calls += 1
        self.now += timedelta(seconds=0.15 * self.scale)

    def describe_stack(self, name_or_id: str) -> StackView:
        self._called()
        known = [e for e in self.events[stack_id("root")] if e.is_of_the_stack and e.at <= self.now]
        return StackView(stack_id=stack_id("root"), name="root", status=known[-1].status, outputs={}, tags={})

    def events_after(self, stack: str, bookmark: str) -> list[StackEvent]:
        self._called()
        self.asked.append(stack)
        known = [event for event in self.events[stack] if event.at <= self.now]
        ids = [event.event_id for event in known]
        return known[ids.index(bookmark) + 1 :] if bookmark in ids else known


def make_followed(playing: Playing, **account: Any) -> Deployment:
    """Return a create whose stacks have just begun."""
    environment = make_environment("root", account=make_account(**account), stack_id=stack_id("root"))
    deployment = make_deployment(
        environment, state=State.STACKS, stack_id=stack_id("root"), last_phase="stacks"
    )
    make_stack(deployment, name="root", settled=False)
    expected.store(deployment, playing.world.graph)
    return deployment


def follow(deployment: Deployment, playing: Playing) -> Iterator[float]:
    """Follow the deployment's stacks as ticks do, and yield how late each event was written."""
    aws = FakeAws()
    clients: Clients = aws(deployment.environment.account.ref())
    clients = Clients(
        **{name: getattr(clients, name) for name in clients.__slots__} | {"cloudformation": playing}
    )
    seen = 0
    for _ in range(3000):
        row = Deployment.objects.for_page().get(pk=deployment.pk)
        if row.state != State.STACKS:
            return
        began = playing.now
        delay = stack_poller.poll(row, clients, playing.now)
        for event in Event.objects.of(deployment).after(seen):
            seen = event.seq
            if event.source == "cloudformation":
                yield (playing.now - event.at).total_seconds()
        if delay is not None:
            playing.now = max(playing.now, began) + timedelta(seconds=max(delay, 0.05))
    raise AssertionError("the deployment does not end")


def test_eleven_minutes_on_aws_cost_twenty_calls_a_minute(db: None) -> None:
    playing = Playing(World(infra_graph(), Random(8)))
    deployment = make_followed(playing)

    lags = list(follow(deployment, playing))

    minutes = (playing.now - BEGIN).total_seconds() / 60
    assert len(lags) == sum(len(own) for own in playing.events.values())
    assert minutes > 9
    assert playing.calls / minutes <= 20
    assert sum(lags) / len(lags) <= 5
    assert not Resource.objects.of_deployment(deployment).exclude(status="CREATE_COMPLETE").exists()


def test_in_the_sandbox_events_become_rows_within_two_seconds_and_a_half(db: None) -> None:
    playing = Playing(World(infra_graph(), Random(9)), scale=1 / 12)
    deployment = make_followed(playing, is_sandbox=True, sandbox_account_id="000000000009")

    lags = sorted(follow(deployment, playing))

    assert sum(lags) / len(lags) <= 2.5
    assert lags[int(0.95 * len(lags))] <= 10


@pytest.fixture
def followed(db: None) -> tuple[Deployment, Playing]:
    playing = Playing(World(infra_graph(), Random(8)))
    return make_followed(playing), playing


def test_a_hint_is_followed_first_and_at_once(followed: tuple[Deployment, Playing]) -> None:
    deployment, playing = followed
    steps = follow(deployment, playing)
    while not Stack.objects.filter(deployment=deployment, path="Nlb").exists():
        next(steps)
    nested = Stack.objects.get(deployment=deployment, path="Nlb")
    later = timezone.now() + timedelta(seconds=8)
    Deployment.objects.filter(pk=deployment.pk).update(due_at=later)

    assert stack_polls.notify_changed(deployment, nested.stack_id)

    deployment.refresh_from_db()
    assert deployment.due_at is not None
    assert deployment.due_at <= timezone.now()
    asked = len(playing.asked)
    for _ in steps:
        if len(playing.asked) > asked:
            break
    assert playing.asked[asked] == nested.stack_id
    nested.refresh_from_db()
    assert nested.hinted_at is None


def test_a_hint_of_a_stranger_changes_nothing(followed: tuple[Deployment, Playing]) -> None:
    deployment, _ = followed

    assert not stack_polls.notify_changed(deployment, stack_id("somebody-elses"))


def test_a_hint_leaves_a_step_alone_that_is_under_way(followed: tuple[Deployment, Playing]) -> None:
    deployment, _ = followed
    lease = timezone.now() + timedelta(seconds=29)
    Deployment.objects.filter(pk=deployment.pk).update(due_at=lease)

    assert stack_polls.notify_changed(deployment, stack_id("root"))

    deployment.refresh_from_db()
    assert deployment.due_at == lease
    assert stack_rows.root_of(deployment, stack_id("root"), "root").hinted_at is not None
