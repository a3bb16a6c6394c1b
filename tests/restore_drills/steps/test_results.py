"""A failed drill is a problem of its environment until a later one passes."""

from __future__ import annotations

import pytest

from deployments.common.errors import AwsAccessError
from deployments.environments.models.environments import Environment
from tests.fakes import FakeAws
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
