"""An exhausted quota is not a failure: the step is retried when tokens are available again."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from deployments.common.errors import QuotaExhausted
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.steps import step
from tests.fakes import FakeAws
from tests.message_texts import attention
from tests.stepping import run, take_step

DESCRIBE = "cloudformation:DescribeStacks"


def exhausted(seconds: float) -> QuotaExhausted:
    return QuotaExhausted(DESCRIBE, seconds)


def test_a_step_without_quota_is_retried_when_there_is_some(deployment: Deployment, aws: FakeAws) -> None:
    run(deployment, aws, until=lambda d: d.state == "stacks")
    aws.fail(DESCRIBE, *[exhausted(7.0)] * 5)

    for _ in range(5):
        before = timezone.now()
        take_step(deployment, aws)

    deployment.refresh_from_db()
    assert (deployment.failures, attention(deployment)) == (0, "")
    assert deployment.due_at is not None
    assert before + timedelta(seconds=6.9) < deployment.due_at < timezone.now() + timedelta(seconds=7.1)
    assert run(deployment, aws).state == "succeeded"


def test_an_environment_without_quota_has_no_error(deployment: Deployment, aws: FakeAws) -> None:
    run(deployment, aws)
    environment = Environment.objects.get(pk=deployment.environment_id)
    aws.fail(DESCRIBE, exhausted(4.0))
    before = timezone.now()

    step.run_environment(environment.pk, environment.version, aws)

    environment.refresh_from_db()
    assert environment.observe_error == ""
    assert environment.due_at is not None
    assert before < environment.due_at < timezone.now() + timedelta(seconds=5)
