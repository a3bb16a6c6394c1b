"""An environment at rest is looked at; what AWS does not say is never made up."""

from __future__ import annotations

import pytest
from django.utils import timezone

from deployments.errors import AwsAccessError
from deployments.models import Environment
from deployments.runner import step
from tests.builders import make_deployment, make_environment
from tests.fakes import FakeAws, FakeStack

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment() -> Environment:
    environment = make_environment(
        "staging", stack_id="arn:x", stack_status="CREATE_COMPLETE", due_at=timezone.now()
    )
    make_deployment(environment, state="succeeded")
    return environment


def look(environment: Environment, aws: FakeAws) -> Environment:
    version = Environment.objects.get(pk=environment.pk).version
    step.run_environment(environment.pk, version, aws)
    return Environment.objects.get(pk=environment.pk)


def test_a_stack_that_changed_outside_is_shown_as_it_is(environment: Environment) -> None:
    aws = FakeAws()
    aws.stacks["arn:x"] = FakeStack("sanso-staging", "arn:x", "UPDATE_COMPLETE", outputs={"URL": "http://y"})

    seen = look(environment, aws)

    assert (seen.stack_status, seen.outputs, seen.missing_since) == (
        "UPDATE_COMPLETE",
        {"URL": "http://y"},
        None,
    )
    assert seen.due_at is not None


def test_a_stack_that_is_gone_is_told_missing_and_found_again(environment: Environment) -> None:
    aws = FakeAws()
    assert look(environment, aws).missing_since is not None

    aws.stacks["arn:x"] = FakeStack("sanso-staging", "arn:x", "CREATE_COMPLETE")
    assert look(environment, aws).missing_since is None


def test_an_error_never_says_that_a_stack_is_gone(environment: Environment) -> None:
    aws = FakeAws()
    operation = "cloudformation:DescribeStacks"
    aws.fail(operation, AwsAccessError("AccessDenied", "denied", operation))

    seen = look(environment, aws)

    assert seen.missing_since is None
    assert seen.stack_status == "CREATE_COMPLETE"
    assert "AccessDenied" in seen.observe_error


def test_an_environment_that_is_being_changed_is_left_to_its_deployment(environment: Environment) -> None:
    make_deployment(environment, kind="delete")
    aws = FakeAws()

    look(environment, aws)

    assert aws.calls == []


def test_a_stale_message_is_dropped(environment: Environment) -> None:
    assert not step.run_environment(environment.pk, 99, FakeAws())
