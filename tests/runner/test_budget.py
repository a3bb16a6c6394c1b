"""A spent budget is no failure: the step comes back when there is a call to make."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from deployments.errors import QuotaExhausted
from deployments.models import Deployment, Environment
from deployments.runner import step
from tests.fakes import FakeAws
from tests.runner.conftest import one_tick, run
from tests.wordings import attention

DESCRIBE = "cloudformation:DescribeStacks"


def spent(seconds: float) -> QuotaExhausted:
    return QuotaExhausted(DESCRIBE, seconds)


def test_a_step_whose_calls_are_spent_comes_back_when_there_are_some(
    deployment: Deployment, aws: FakeAws
) -> None:
    run(deployment, aws, until=lambda d: d.state == "stacks")
    aws.fail(DESCRIBE, *[spent(7.0)] * 5)

    for _ in range(5):
        before = timezone.now()
        one_tick(deployment, aws)

    deployment.refresh_from_db()
    assert (deployment.failures, attention(deployment)) == (0, "")
    assert deployment.due_at is not None
    assert timedelta(seconds=6.9) < deployment.due_at - before < timedelta(seconds=8)
    assert run(deployment, aws).state == "succeeded"


def test_an_environment_that_is_looked_at_shows_no_error_for_a_spent_budget(
    deployment: Deployment, aws: FakeAws
) -> None:
    run(deployment, aws)
    environment = Environment.objects.get(pk=deployment.environment_id)
    aws.fail(DESCRIBE, spent(4.0))
    before = timezone.now()

    step.run_environment(environment.pk, environment.version, aws)

    environment.refresh_from_db()
    assert environment.observe_error == ""
    assert environment.due_at is not None
    assert environment.due_at - before < timedelta(seconds=5)
