"""Queries over the event log, on the events of deployments that the runner carried out."""

from __future__ import annotations

import pytest

from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event, EventQuerySet
from tests.fakes import FakeAws
from tests.stepping import run

ECHO = "Embedded stack arn:x was not successfully created: The following resource(s) failed to create"


@pytest.fixture
def rolled_back(deployment: Deployment, aws: FakeAws) -> Deployment:
    """A creation in which a resource of the nested stack failed."""
    aws.create_acts = [
        *aws.create_acts[:4],
        ("Network", "Vpc", "CREATE_FAILED", "The maximum number of VPCs has been reached."),
        ("Network", "Subnet", "CREATE_FAILED", "Resource creation cancelled"),
        ("Network", "", "CREATE_FAILED", "The following resource(s) failed to create: [Vpc, Subnet]. "),
        ("", "Network", "CREATE_FAILED", ECHO),
        ("", "", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Network]. "),
        ("", "Network", "DELETE_COMPLETE", ""),
        ("", "", "ROLLBACK_COMPLETE", ""),
    ]
    return run(deployment, aws)


def events_of(deployment: Deployment) -> EventQuerySet:
    return Event.objects.of(deployment)


def test_events_are_numbered_without_gaps(rolled_back: Deployment) -> None:
    assert [event.seq for event in events_of(rolled_back)] == list(range(1, rolled_back.last_seq + 1))
    assert [event.seq for event in events_of(rolled_back).after(3).up_to(5)] == [4, 5]
    assert [event.seq for event in events_of(rolled_back).up_to(2)] == [1, 2]


def test_the_sources_are_the_portal_and_cloudformation(rolled_back: Deployment) -> None:
    portal = set(events_of(rolled_back).from_source("portal"))
    cloudformation = set(events_of(rolled_back).from_source("cloudformation"))

    assert portal | cloudformation == set(events_of(rolled_back))
    assert not portal & cloudformation
    assert {bool(event.code) for event in portal} == {True}
    assert {bool(event.status) for event in cloudformation} == {True}


def test_problems_are_the_failures_that_were_not_canceled_and_the_end(rolled_back: Deployment) -> None:
    problems = events_of(rolled_back).problems()

    assert [event.subject or event.code for event in problems.firsts()] == ["Network/Vpc", "Network", "ended"]
    assert [event.subject for event in events_of(rolled_back).cancelled(True)] == ["Network/Subnet"]


def test_a_nested_stack_and_its_parent_report_the_same_subject(rolled_back: Deployment) -> None:
    network = rolled_back.stacks.get(path="Network")
    own = events_of(rolled_back).within([network.pk])
    of_the_stack = {event.subject for event in own if event.logical_id not in ("Vpc", "Subnet")}
    by_the_root = events_of(rolled_back).about("", "Network", own=None)

    assert of_the_stack == {"Network"}
    assert {event.subject for event in by_the_root} == {"Network"}
    both = events_of(rolled_back).about("", "Network", own="Network")
    assert set(both) > set(by_the_root)


def test_a_failure_leads_back_to_its_event(rolled_back: Deployment) -> None:
    event = events_of(rolled_back).get(logical_id="Vpc", status="CREATE_FAILED")
    failure = event.as_failure()

    assert failure is not None
    assert list(events_of(rolled_back).of_failure(failure)) == [event]
    assert events_of(rolled_back).get(code="ended").as_failure() is None
