"""Durations beside the median of their kind."""

from __future__ import annotations

from datetime import timedelta
from statistics import median

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from deployments.environment_pages.pages.durations import LEAST, duration_bars
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import START, make_deployment, make_environment
from tests.pages.environment_pages import show

KINDS = st.sampled_from([("create", ""), ("update", ""), ("update", "plan")])
MEASURED = st.tuples(KINDS, st.floats(min_value=0, max_value=90_000))


@given(shown=st.dictionaries(st.integers(), MEASURED), succeeded=st.lists(MEASURED))
def test_every_bar_and_median_fits_and_the_longest_is_whole(
    shown: dict[int, tuple[tuple[str, str], float]], succeeded: list[tuple[tuple[str, str], float]]
) -> None:
    bars = duration_bars(shown, succeeded)

    for pk, bar in bars.items():
        kind, _seconds = shown[pk]
        same = [seconds for one, seconds in succeeded if one == kind]
        assert len(same) >= LEAST
        assert bar.median == median(same)
        assert 0 <= bar.length <= 100
        assert 0 <= bar.tick <= 100
    assert not bars or max(max(bar.length, bar.tick) for bar in bars.values()) == pytest.approx(100)


def took(
    environment: Environment, minutes: int, state: str = "succeeded", kind: str = "update"
) -> Deployment:
    row = make_deployment(environment, kind=kind, state=state, last_phase="ready")
    Deployment.objects.filter(pk=row.pk).update(
        created_at=START, applied_at=START, ended_at=START + timedelta(minutes=minutes)
    )
    return row


@pytest.mark.django_db
def test_the_history_compares_each_duration_with_those_that_succeeded(browser: Client) -> None:
    environment = make_environment("shop", stack_id="arn:shop", stack_status="UPDATE_COMPLETE")
    first = took(environment, 20, kind="create")
    for minutes in (4, 5):
        took(environment, minutes)
    assert "Median of its kind" not in show(browser, environment, "history").one(id="history").text

    took(environment, 6)
    failed = took(environment, 10, state="failed")

    shown = show(browser, environment, "history")
    row = shown.one("tr", id=f"deployment-{failed.pk}")
    assert "10:00" in row.text
    assert row.one(class_="against-median").text == "5:00"
    assert row.one("rect", class_="took")["width"] == "100.00%"
    assert not shown.one("tr", id=f"deployment-{first.pk}").all(class_="against-median")
