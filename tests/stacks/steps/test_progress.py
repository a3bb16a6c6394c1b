"""Steps store the percentage of a deployment, which never decreases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from deployments.stacks.steps import progress
from tests.fakes import FakeAws
from tests.stepping import run


@pytest.fixture(autouse=True)
def _computed_in_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    monkeypatch.setattr(progress, "COST_FACTOR", 0)
    progress.clear()


def test_a_step_stores_the_percentage_and_it_never_goes_back(deployment: Deployment, aws: FakeAws) -> None:
    ago = timezone.now() - timedelta(minutes=10)
    Deployment.objects.filter(pk=deployment.pk).update(created_at=ago)
    seen: list[int] = []

    def watched(row: Deployment) -> bool:
        seen.append(Deployment.objects.get(pk=row.pk).progress)
        return not row.is_active

    ended = run(deployment, aws, until=watched)

    assert ended.state == "succeeded"
    assert seen == sorted(seen)
    assert 0 < seen[-1] <= 99


def test_the_percentage_is_computed_only_now_and_then(
    deployment: Deployment, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 3600.0)
    computed: list[int] = []
    monkeypatch.setattr("deployments.stacks.models.progress.advance", lambda row: computed.append(row.pk))

    run(deployment, aws)

    assert computed == [deployment.pk]
