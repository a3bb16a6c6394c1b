"""Stacks are polled with few calls and little delay, counted at the gateway on a simulated clock."""

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
from deployments.cloudformation.dependencies import stack_of
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.stacks.models import forecast
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import STACK_TYPE, Resource, Stack
from deployments.stacks.shared import stack_rows
from deployments.stacks.steps import poll_selection
from deployments.steps import stack_poller
from tests.builders import make_account, make_deployment, make_environment, make_stack, stack_id
from tests.fakes import FakeAws
from tests.simulated_deployments import World, infra_graph

BEGIN = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


@dataclass
class SimulatedCloudFormation:
    """CloudFormation with the events of a simulated deployment up to the time of its clock."""

    world: World
    scale: float = 1.0
    now: datetime = BEGIN
    calls: int = 0
    requested: list[str] = field(default_factory=list)
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
                for text, at in (
                    ("IN_PROGRESS", start),
                    ("IN_PROGRESS", start + self.scale),
                    ("COMPLETE", end),
                ):
                    self._add(stack_of(path), path.rpartition("/")[2], f"CREATE_{text}", min(at, end))
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
        self.requested.append(stack)
        known = [event for event in self.events[stack] if event.at <= self.now]
        ids = [event.event_id for event in known]
        return known[ids.index(bookmark) + 1 :] if bookmark in ids else known


def make_polled(simulated: SimulatedCloudFormation, **account: Any) -> Deployment:
    """Return a creation whose stacks have just begun."""
    environment = make_environment("root", account=make_account(**account), stack_id=stack_id("root"))
    deployment = make_deployment(
        environment, state=State.STACKS, stack_id=stack_id("root"), last_phase="stacks"
    )
    make_stack(deployment, name="root", settled=False)
    forecast.store(deployment, simulated.world.graph)
    return deployment


def poll_to_the_end(deployment: Deployment, simulated: SimulatedCloudFormation) -> Iterator[float]:
    """Poll the deployment's stacks as its steps do, and yield how late each event was stored."""
    aws = FakeAws()
    clients: Clients = aws(deployment.environment.account.ref())
    clients = Clients(
        **{name: getattr(clients, name) for name in clients.__slots__} | {"cloudformation": simulated}
    )
    seen = 0
    for _ in range(3000):
        row = Deployment.objects.for_page().get(pk=deployment.pk)
        if row.state != State.STACKS:
            return
        began = simulated.now
        delay = stack_poller.poll(row, clients, simulated.now)
        for event in Event.objects.of(deployment).after(seen):
            seen = event.seq
            if event.source == "cloudformation":
                yield (simulated.now - event.at).total_seconds()
        if delay is not None:
            simulated.now = max(simulated.now, began) + timedelta(seconds=max(delay, 0.05))
    raise AssertionError("the deployment does not end")


def test_a_deployment_on_aws_costs_some_twenty_calls_a_minute(db: None) -> None:
    simulated = SimulatedCloudFormation(World(infra_graph(), Random(8)))
    deployment = make_polled(simulated)

    lags = list(poll_to_the_end(deployment, simulated))

    minutes = (simulated.now - BEGIN).total_seconds() / 60
    assert len(lags) == sum(len(own) for own in simulated.events.values())
    assert minutes > 7
    assert simulated.calls / minutes <= 22
    assert sum(lags) / len(lags) <= 6
    assert not Resource.objects.of_deployment(deployment).exclude(status="CREATE_COMPLETE").exists()


def test_in_the_sandbox_events_are_stored_within_two_and_a_half_seconds_on_average(db: None) -> None:
    simulated = SimulatedCloudFormation(World(infra_graph(), Random(9)), scale=1 / 12)
    deployment = make_polled(simulated, is_sandbox=True, sandbox_account_id="000000000009")

    lags = sorted(poll_to_the_end(deployment, simulated))

    assert sum(lags) / len(lags) <= 2.5
    assert lags[int(0.95 * len(lags))] <= 10


@pytest.fixture
def polled(db: None) -> tuple[Deployment, SimulatedCloudFormation]:
    simulated = SimulatedCloudFormation(World(infra_graph(), Random(8)))
    return make_polled(simulated), simulated


def test_a_notified_stack_is_polled_first_and_at_once(
    polled: tuple[Deployment, SimulatedCloudFormation],
) -> None:
    deployment, simulated = polled
    steps = poll_to_the_end(deployment, simulated)
    while not Stack.objects.filter(deployment=deployment, path="Nlb").exists():
        next(steps)
    nested = Stack.objects.get(deployment=deployment, path="Nlb")
    age_events = timezone.now() + timedelta(seconds=8)
    Deployment.objects.filter(pk=deployment.pk).update(due_at=age_events)

    assert poll_selection.notify_changed(deployment, nested.stack_id)

    deployment.refresh_from_db()
    assert deployment.due_at is not None
    assert deployment.due_at <= timezone.now()
    requested = len(simulated.requested)
    for _ in steps:
        if len(simulated.requested) > requested:
            break
    assert simulated.requested[requested] == nested.stack_id
    nested.refresh_from_db()
    assert nested.hinted_at is None


def test_a_notification_about_an_unknown_stack_changes_nothing(
    polled: tuple[Deployment, SimulatedCloudFormation],
) -> None:
    deployment, _ = polled

    assert not poll_selection.notify_changed(deployment, stack_id("somebody-elses"))


def test_a_notification_does_not_interrupt_a_step(polled: tuple[Deployment, SimulatedCloudFormation]) -> None:
    deployment, _ = polled
    lease = timezone.now() + timedelta(seconds=29)
    Deployment.objects.filter(pk=deployment.pk).update(due_at=lease)

    assert poll_selection.notify_changed(deployment, stack_id("root"))

    deployment.refresh_from_db()
    assert deployment.due_at == lease
    assert stack_rows.root_of(deployment, stack_id("root"), "root").hinted_at is not None
