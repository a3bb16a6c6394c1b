"""Health history: a sample at each change, thinned after a day, deleted after some days."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from deployments.environments.models.environments import Environment
from deployments.health.models.samples import HealthSample
from deployments.health.steps.observe import history
from deployments.health.steps.observe.history import prune
from tests.builders import make_environment
from tests.fakes import FakeAws
from tests.health.steps.observed.environments import make_observed_environment, poll, set_target_state

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


def sample(
    environment: Environment, ago: timedelta, status: str = "healthy", healthy: int = 2
) -> HealthSample:
    return HealthSample.objects.create(
        environment=environment, at=NOW - ago, tier="app", word=status, healthy=healthy, total=2
    )


def test_without_changes_a_sample_is_stored_every_five_minutes() -> None:
    aws = FakeAws()
    environment = make_observed_environment(aws)
    poll(aws)
    poll(aws)
    whole = HealthSample.objects.of(environment).whole()
    before = whole.count()

    history.keep(environment, timezone.now() + timedelta(minutes=4), changed=True)
    assert whole.count() == before
    history.keep(environment, timezone.now() + timedelta(minutes=10), changed=True)
    assert whole.count() == before + 1


def test_a_change_is_stored_at_once_for_every_tier() -> None:
    aws = FakeAws()
    environment = make_observed_environment(aws)
    poll(aws)
    set_target_state(aws, "staging", "web", 0, "unhealthy", "Target.Timeout")

    poll(aws, "targets")

    newest = (
        HealthSample.objects.of(environment).reverse().values_list("tier", "word", "healthy", "total")[:6]
    )
    assert set(newest) == {
        ("alb", "healthy", 1, 1),
        ("web", "degraded", 1, 2),
        ("nlb", "healthy", 1, 1),
        ("app", "healthy", 2, 2),
        ("database", "healthy", 2, 2),
        ("environment", "degraded", 7, 8),
    }


def test_after_a_day_the_worst_sample_of_every_ten_minutes_remains() -> None:
    environment = make_environment()
    day = timedelta(days=1, minutes=20)
    for seconds in range(0, 600, 60):
        sample(environment, day - timedelta(seconds=seconds))
    incident = sample(environment, day - timedelta(seconds=90), "unhealthy", 0)
    young = sample(environment, timedelta(hours=1))

    prune(NOW)

    assert {incident.pk, young.pk} <= set(HealthSample.objects.values_list("pk", flat=True))
    assert Counter(HealthSample.objects.values_list("word", flat=True)) == {"unhealthy": 1, "healthy": 1}
    assert prune(NOW) == 0


def test_samples_older_than_the_setting_are_deleted(settings: Settings) -> None:
    settings.SANSO_HEALTH_DAYS = 7
    environment = make_environment()
    sample(environment, timedelta(days=8))
    stored = sample(environment, timedelta(days=6))

    assert prune(NOW) == 1

    assert HealthSample.objects.get() == stored


def test_thinning_in_batches_has_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "BATCH", 7)
    environment = make_environment()
    for minutes in range(0, 60, 2):
        bad = minutes == 34
        sample(
            environment,
            timedelta(days=2, minutes=-minutes),
            "degraded" if bad else "healthy",
            1 if bad else 2,
        )

    while prune(NOW):
        pass

    words = list(HealthSample.objects.order_by("at").values_list("word", flat=True))
    assert words == ["healthy"] * 3 + ["degraded"] + ["healthy"] * 2
