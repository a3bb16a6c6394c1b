"""An event that repeats an earlier one refers to that event."""

from __future__ import annotations

import pytest

from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event
from tests.live import scenes

pytestmark = pytest.mark.django_db


def repeated(deployment: Deployment) -> dict[int, int]:
    events = Event.objects.of(deployment).from_source("cloudformation")
    return {event.seq: event.repeat_of for event in events if event.repeat_of}


def test_a_second_event_of_the_same_status_is_a_repetition() -> None:
    deployment = scenes.make_deployment()
    network = scenes.add_stacks(deployment, {"Network": 2})["Network"]
    before = deployment.last_seq

    scenes.add_events(deployment, scenes.event(network, "Network1", "CREATE_IN_PROGRESS"))
    scenes.add_events(
        deployment,
        scenes.event(network, "Network2", "CREATE_IN_PROGRESS"),
        scenes.event(network, "Network1", "CREATE_IN_PROGRESS", reason="Resource creation Initiated"),
        scenes.event(
            network, "Network1", "CREATE_IN_PROGRESS", reason="Eventual consistency check initiated"
        ),
        scenes.event(network, "Network1", "CREATE_COMPLETE"),
    )

    assert repeated(deployment) == {before + 3: before + 1, before + 4: before + 1}


def test_the_event_of_a_parent_about_a_nested_stack_is_a_repetition() -> None:
    deployment = scenes.make_deployment()
    stacks = scenes.add_stacks(deployment, {"Network": 1})
    before = deployment.last_seq

    scenes.add_events(deployment, scenes.event(stacks[""], "Network", "CREATE_IN_PROGRESS"))
    scenes.add_events(deployment, scenes.event(stacks["Network"], "", "CREATE_IN_PROGRESS"))
    scenes.add_events(deployment, scenes.event(stacks["Network"], "", "CREATE_COMPLETE"))
    scenes.add_events(
        deployment,
        scenes.event(stacks[""], "Network", "CREATE_COMPLETE"),
        scenes.event(stacks[""], "", "CREATE_COMPLETE"),
    )

    assert repeated(deployment) == {before + 2: before + 1, before + 4: before + 3}


def test_a_later_operation_is_not_a_repetition() -> None:
    deployment = scenes.make_deployment()
    network = scenes.add_stacks(deployment, {"Network": 1})["Network"]

    for status in ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"):
        scenes.add_events(deployment, scenes.event(network, "Network1", status))

    assert repeated(deployment) == {}
