"""The stack of an environment is polled between deployments."""

from __future__ import annotations

import pytest
from django.utils import timezone

from deployments.common.errors import AwsAccessError
from deployments.environments.models.environments import Environment
from deployments.steps import step
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


def poll(environment: Environment, aws: FakeAws) -> Environment:
    version = Environment.objects.get(pk=environment.pk).version
    step.run_environment(environment.pk, version, aws)
    return Environment.objects.get(pk=environment.pk)


def test_a_stack_that_was_changed_outside_of_sanso_is_stored_as_it_is(environment: Environment) -> None:
    aws = FakeAws()
    aws.stacks["arn:x"] = FakeStack("sanso-staging", "arn:x", "UPDATE_COMPLETE", outputs={"URL": "http://y"})

    seen = poll(environment, aws)

    assert (seen.stack_status, seen.outputs, seen.missing_since) == (
        "UPDATE_COMPLETE",
        {"URL": "http://y"},
        None,
    )
    assert seen.due_at is not None


def test_a_deleted_stack_is_missing_until_it_exists_again(environment: Environment) -> None:
    aws = FakeAws()
    assert poll(environment, aws).missing_since is not None

    aws.stacks["arn:x"] = FakeStack("sanso-staging", "arn:x", "CREATE_COMPLETE")
    assert poll(environment, aws).missing_since is None


def test_an_error_never_marks_a_stack_as_missing(environment: Environment) -> None:
    aws = FakeAws()
    operation = "cloudformation:DescribeStacks"
    aws.fail(operation, AwsAccessError("AccessDenied", "denied", operation))

    seen = poll(environment, aws)

    assert seen.missing_since is None
    assert seen.stack_status == "CREATE_COMPLETE"
    assert "AccessDenied" in seen.observe_error


def test_an_environment_with_an_active_deployment_is_not_polled(environment: Environment) -> None:
    make_deployment(environment, kind="delete")
    aws = FakeAws()

    poll(environment, aws)

    assert aws.calls == []


def test_a_stale_message_begins_no_step(environment: Environment) -> None:
    assert not step.run_environment(environment.pk, 99, FakeAws())
