"""The metrics of restore drills: the last result of each environment, its age and its times."""

from __future__ import annotations

import pytest
from django.utils import timezone
from prometheus_client.core import Metric

from deployments.common.errors import AwsAccessError
from deployments.environments.models.environments import Environment
from portal.metrics import from_database
from tests.fakes import FakeAws
from tests.restore_drills.drilled import aws, environment, requested, run_all

pytestmark = pytest.mark.django_db
__all__ = ["aws", "environment"]


def measured() -> dict[str, float]:
    """Return the values of the metrics, which are all of the same environment."""
    found: list[Metric] = from_database.read()
    samples = [sample for metric in found for sample in metric.samples if "restore_drill" in sample.name]
    assert all(set(sample.labels) == {"account", "environment"} for sample in samples)
    assert {sample.labels["environment"] for sample in samples} <= {"staging"}
    return {sample.name.removeprefix("sanso_restore_drill_"): sample.value for sample in samples}


def test_they_are_of_the_last_drill_with_a_result(aws: FakeAws, environment: Environment) -> None:
    assert measured() == {}
    requested(environment)
    assert measured() == {}
    passed = run_all(aws)

    found = measured()
    assert found["passed"] == 1
    assert 0 <= found["age_seconds"] <= (timezone.now() - passed.began_at).total_seconds()
    assert passed.rpo is not None
    assert passed.rto is not None
    assert found["rpo_seconds"] == passed.rpo.total_seconds()
    assert found["rto_seconds"] == passed.rto.total_seconds()

    requested(environment)
    denied = AwsAccessError("AccessDenied", "no", "cloudformation:ExecuteChangeSet")
    aws.fail("cloudformation:ExecuteChangeSet", denied)
    run_all(aws)
    found = measured()
    assert found["passed"] == 0
    assert "rto_seconds" not in found

    Environment.objects.filter(pk=environment.pk).update(deleted_at=timezone.now())
    assert measured() == {}
