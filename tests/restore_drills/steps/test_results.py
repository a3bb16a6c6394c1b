"""A failed drill is a problem of its environment until a later one passes, and both are notified."""

from __future__ import annotations

import pytest

from deployments.common.errors import AwsAccessError
from deployments.environments.models.environments import Environment
from deployments.notifications.models import Delivery
from deployments.notifications.texts import notices
from tests.fakes import FakeAws
from tests.notification_builders import make_target
from tests.restore_drills.drilled import aws, environment, requested, run_all

pytestmark = pytest.mark.django_db
__all__ = ["aws", "environment"]


def fail_drill(aws: FakeAws, environment: Environment) -> None:
    """Run a drill whose restore AWS denies."""
    requested(environment)
    aws.fail(
        "cloudformation:ExecuteChangeSet", AwsAccessError("AccessDenied", "no", "cloudformation:Execute")
    )
    assert run_all(aws).result == "failed"


def pass_drill(aws: FakeAws, environment: Environment) -> None:
    requested(environment)
    assert run_all(aws).result == "passed"


def has_problem(environment: Environment) -> bool:
    environment.refresh_from_db()
    return environment.drill_failed_at is not None


def test_a_failed_drill_is_a_problem_until_a_later_one_passes(aws: FakeAws, environment: Environment) -> None:
    pass_drill(aws, environment)
    assert not has_problem(environment)
    fail_drill(aws, environment)
    assert has_problem(environment)
    fail_drill(aws, environment)
    assert has_problem(environment)
    pass_drill(aws, environment)
    assert not has_problem(environment)


def test_each_failed_drill_is_notified_and_one_that_passes_only_after_it(
    aws: FakeAws, environment: Environment
) -> None:
    make_target("https://hooks.example.com/")
    for run in (pass_drill, fail_drill, fail_drill, pass_drill, pass_drill):
        run(aws, environment)

    rows = list(Delivery.objects.order_by("pk"))
    assert [row.topic for row in rows] == ["drill.failed", "drill.failed", "drill.passed"]
    failed, passed = (
        [notices.title(row.topic, row.payload), *notices.lines(row.topic, row.payload)] for row in rows[1:]
    )
    assert failed[0] == "The restore drill of staging failed"
    assert "AWS denied" in failed[1]
    assert not any("RTO" in line for line in failed)
    assert passed[0] == "The restore drill of staging passed again"
    assert any("Time to restore (RTO): 0:00:0" in line for line in passed)
    assert any("Environment: staging" in line for line in passed)
