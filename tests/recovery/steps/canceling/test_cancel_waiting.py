"""Canceling while an environment is not ready yet: the stack stays."""

from __future__ import annotations

from django.contrib.auth.models import User

from deployments.common.message_codes import Code
from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.cancel_effects import CancelEffect
from deployments.environments.rules.phases import State
from deployments.stacks.models.stacks import Stack
from tests.builders import make_environment
from tests.fakes import FakeAws, FakeStack
from tests.health.steps.observed.environments import make_healthy, make_parts, set_target_state
from tests.recovery.steps.canceling.requesting import DELETE, cancel
from tests.stepping import run, take_step
from tests.steps.test_readiness import step as observed_step


def test_waiting_stops_and_the_stack_stays(aws: FakeAws, operator: User) -> None:
    environment = _waiting(aws)
    latest = environment.latest
    assert latest is not None
    waiting = observed_step(latest, aws)
    assert waiting.state == State.TRAFFIC
    cancel(waiting, operator)

    ended = run(waiting, aws)

    assert (ended.state, ended.cancel_code, ended.ready_at) == (State.CANCELED, "stop_waiting", None)
    assert ended.waiting_for
    assert DELETE not in aws.calls
    environment.refresh_from_db()
    assert (environment.stack_status, environment.deleted_at) == ("CREATE_COMPLETE", None)
    assert environment.outputs
    assert not ended.remaining  # nothing was deleted


def test_a_request_to_delete_does_not_stop_the_waiting(aws: FakeAws, operator: User) -> None:
    environment = _waiting(aws)
    latest = environment.latest
    assert latest is not None
    Deployment.objects.filter(pk=latest.pk).update(state="stacks")
    Stack.objects.update(status="CREATE_IN_PROGRESS")
    cancel(latest, operator, CancelEffect.DELETE)
    Deployment.objects.filter(pk=latest.pk).update(state="configuration")

    take_step(latest, aws)

    latest.refresh_from_db()
    assert (latest.is_active, latest.cancel_code) == (True, "")
    assert latest.cancel_refusal["code"] == Code.CANCEL_TOO_LATE


def test_a_ready_environment_is_left_without_protection_that_is_switched_on_later(
    deployment: Deployment, aws: FakeAws, operator: User
) -> None:
    Deployment.objects.update(protection="wanted")
    protecting = run(deployment, aws, until=lambda d: d.state == State.PROTECT)
    cancel(protecting, operator)

    ended = run(deployment, aws)

    assert (ended.state, ended.protection) == (State.SUCCEEDED, "failed")
    assert stored_text(ended.protection_message) == "Canceled before it was switched on."
    assert ended.ready_at is not None
    assert "cloudformation:UpdateTerminationProtection" not in aws.calls
    assert Deployment.objects.not_protected().get() == ended  # its page offers to enable protection


def _waiting(aws: FakeAws) -> Environment:
    """An environment whose creation waits for a target."""
    environment = make_environment("staging", stack_id="arn:staging")
    make_parts(environment, state="stacks", stack_id="arn:staging")
    make_healthy(aws, "staging")
    set_target_state(aws, "staging", "web", 1, "unhealthy", "Target.Timeout")
    aws.stacks["arn:staging"] = FakeStack(
        "sanso-staging", "arn:staging", "CREATE_COMPLETE", outputs={"URL": "http://staging-web.elb.example/"}
    )
    latest = environment.latest
    assert latest is not None
    run(latest, aws, until=lambda d: d.state == State.CONFIGURATION)
    return environment
