"""The percentage of recorded deployments at each of their events: it follows the time and never decreases."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from deployments.cloudformation.timeline import in_ms
from deployments.deployment_pages import recordings
from deployments.deployment_pages.pages.waterfall import progress
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.stacks.display.tree import build_tree
from deployments.stacks.models import past_state
from deployments.stacks.models import progress as stored_progress
from deployments.stacks.models import timeline as timelines
from deployments.stacks.rules.progress import CLOSE, percent_of_time
from tests.builders import make_user
from tests.live import scenes
from tests.pages.pages import page

pytestmark = pytest.mark.django_db
RECORDED = Path(settings.BASE_DIR) / "deployments" / "deployment_pages" / "recorded"


def recorded(name: str) -> Deployment:
    return recordings.load(json.loads((RECORDED / f"{name}.json").read_text()), make_user("reader"))


def shown(deployment: Deployment, every: int) -> list[tuple[str, float, int]]:
    """Return (direction, elapsed share of the time, percent), stored by steps before it is rendered."""
    found = []
    assert deployment.ended_at
    total = in_ms(deployment.ended_at) - in_ms(deployment.created_at)
    for seq, _at in past_state.event_times(deployment)[::every]:
        past = past_state.as_of(deployment, seq)
        row = past.deployment
        row.progress = Deployment.objects.get(pk=row.pk).progress
        row.rollback_progress = Deployment.objects.get(pk=row.pk).rollback_progress
        timeline = timelines.load(row, stacks=past.stacks, landmarks=past.landmarks, now=past.now)
        tree = build_tree(Kind(row.kind), past.stacks)
        stacks, now = list(past.stacks), in_ms(past.now)
        row.advance_progress(
            stored_progress.of_rows(stacks, timeline, now) or 0,
            back=stored_progress.goes_back(timeline.course.kind, stacks),
        )
        percent = progress.shown(row, tree, timeline, now).percent
        if percent is not None:
            direction = "back" if stored_progress.goes_back(Kind(row.kind), stacks) else "forward"
            found.append((direction, (in_ms(past.now) - timeline.start) / total, percent))
    return found


@pytest.mark.parametrize("name", ["success", "failure"])
def test_progress_never_goes_back_within_a_direction(name: str) -> None:
    found = shown(recorded(name), every=3)

    assert len(found) > 10
    for (before, _, less), (now, _, more) in pairwise(found):
        assert now != before or more >= less
    assert all(0 <= percent <= 99 for _, _, percent in found)
    assert {direction for direction, _, _ in found} == (
        {"forward", "back"} if name == "failure" else {"forward"}
    )


def test_progress_is_the_share_of_the_time_that_has_passed() -> None:
    found = shown(recorded("success"), every=5)

    assert all(abs(percent - 100 * share) <= 10 for _, share, percent in found)


def test_a_forecast_that_grows_stops_the_percentage_and_does_not_turn_it_back() -> None:
    deployment = recorded("success")

    assert deployment.advance_progress(61, back=False) == 61
    assert deployment.advance_progress(57, back=False) == 61
    assert Deployment.objects.get(pk=deployment.pk).advance_progress(60, back=False) == 61
    assert deployment.advance_progress(3, back=True) == 3


@pytest.mark.parametrize("name", ["success", "failure"])
def test_the_percentage_of_a_replay_never_goes_back_within_a_direction(name: str) -> None:
    deployment = recorded(name)
    found: dict[str, list[int]] = {"forward": [], "back": []}
    for seq, _at in past_state.event_times(deployment)[::3]:
        view = DeploymentView.past(past_state.as_of(deployment, seq))
        if view.deployment.is_active and view.summary.progress.percent is not None:
            direction = "back" if view.timeline.course.has_turned else "forward"
            found[direction].append(view.summary.progress.percent)

    assert len(found["forward"]) > 10
    assert bool(found["back"]) == (name == "failure")
    for percentages in found.values():
        assert percentages == sorted(percentages)


def test_a_page_reads_the_progress_and_stores_none(browser: Client) -> None:
    deployment = scenes.running()
    ago = timezone.now() - timedelta(minutes=10)
    Deployment.objects.filter(pk=deployment.pk).update(progress=12, created_at=ago)

    for _ in range(2):
        assert "12 %" in browser.get(deployment.get_absolute_url()).content.decode()

    assert Deployment.objects.get(pk=deployment.pk).progress == 12


def test_while_the_forecast_has_grown_the_bar_stays_and_no_number_contradicts_it(browser: Client) -> None:
    deployment = scenes.running()
    Deployment.objects.filter(pk=deployment.pk).update(progress=92)

    shown = page(browser.get(deployment.get_absolute_url()))

    header = shown.one(id="header")
    assert "slower than forecast" in header.text
    assert "left (" in header.one(class_="eta").text
    assert "%" not in header.text
    assert "%" not in shown.one("title").text
    meter = header.one("progress")
    assert (meter["value"], meter["aria-valuetext"]) == ("92", "slower than forecast")


@pytest.mark.parametrize("name", ["success", "failure"])
def test_a_replay_shows_no_number_that_contradicts_the_forecast_beside_it(name: str) -> None:
    deployment = recorded(name)
    numbers = 0
    for seq, _at in past_state.event_times(deployment)[::10]:
        view = DeploymentView.past(past_state.as_of(deployment, seq))
        number, end = view.summary.progress.number, view.eta
        if number is None or end is None:
            continue
        numbers += 1
        assert abs(number - percent_of_time(view.timeline.start, view.now, end.end)) <= CLOSE
        assert f"{number} %" in view.title

    assert numbers


def test_the_bar_the_number_and_the_title_say_the_same() -> None:
    deployment = recorded("success")
    view = DeploymentView.past(past_state.as_of(deployment, deployment.last_seq // 2))

    percent = view.summary.progress.percent
    assert percent is not None
    assert (view.summary.meter_done, view.summary.meter_total) == (percent, 100)
    assert f"{percent} %" in view.title or view.summary.progress.contradicts
