"""The replay of an ended deployment: the page as it was at each of its events."""

from __future__ import annotations

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.stacks.models.events import Event
from deployments.stacks.models.past_state import as_of, event_times
from tests.live import scenes
from tests.pages.pages import page

pytestmark = pytest.mark.django_db


def test_a_replay_begins_with_nothing_and_ends_with_the_real_page(browser: Client) -> None:
    deployment = scenes.reload(scenes.rolled_back("lost"))
    first, last = event_times(deployment)[0][0], deployment.last_seq

    begun, over = as_of(deployment, first), as_of(deployment, last)

    assert begun.deployment.is_active
    assert not any(stack.status for stack in begun.stacks)
    assert over.deployment.state == "rolled_back"
    for stack in over.stacks:
        stored = type(stack).objects.get(pk=stack.pk)
        assert (stack.status, stack.reason) == (stored.status, stored.reason)


def test_a_replay_can_be_left(browser: Client) -> None:
    deployment = scenes.rolled_back("lost")

    shown = page(browser.get(f"/deployments/{deployment.pk}/?replay=1"))

    assert shown.one(id="deployment")["data-seq"] == "1"
    assert shown.one(id="deployment")["data-streaming"] == "no"
    assert "Exit replay" in shown.one(id="replay").text
    assert not shown.one(id="banner").text


def test_a_replay_begins_with_what_failed_and_marks_it(browser: Client) -> None:
    deployment = scenes.reload(scenes.rolled_back("lost"))

    bar = page(browser.get(f"/deployments/{deployment.pk}/?replay=1")).one(id="replay")

    assert "Aurora3" in bar.one("p", class_="failed").text
    marks = [float(mark["x"].rstrip("%")) for mark in bar.one("svg", class_="failures").all("rect")]
    assert marks
    assert all(0 < place < 100 for place in marks)


def test_the_replay_of_a_success_has_no_marks(browser: Client) -> None:
    deployment = scenes.succeeded("good")
    bar = page(browser.get(f"/deployments/{deployment.pk}/?replay=1")).one(id="replay")
    assert not bar.all("rect")
    assert not bar.all("p", class_="failed")


def test_updates_lead_to_the_end_and_back(browser: Client) -> None:
    deployment = scenes.reload(scenes.rolled_back("lost"))
    url = f"/deployments/{deployment.pk}/replay"

    end = browser.get(f"{url}?since=1&until={deployment.last_seq}").json()
    back = browser.get(f"{url}?since={deployment.last_seq}&until=2").json()

    assert end["state"] == "rolled_back"
    assert "Aurora3" in end["banner"]
    assert back["seq"] == 2
    assert back["state"] != "rolled_back"
    assert len(back["rows"]) >= len(end["rows"])


def test_an_active_deployment_cannot_be_replayed(browser: Client) -> None:
    deployment = scenes.running("busy")
    assert browser.get(f"/deployments/{deployment.pk}/replay?since=0&until=1").status_code == 404
    shown = page(browser.get(f"/deployments/{deployment.pk}/?replay=1"))
    assert not shown.all(id="replay")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(st.integers(0, 200), st.integers(0, 200))
def test_every_position_of_a_replay_can_be_displayed(browser: Client, since: int, until: int) -> None:
    deployment = scenes.rolled_back(f"lost{Event.objects.count()}")
    answer = browser.get(f"/deployments/{deployment.pk}/replay?since={since}&until={until}")
    assert answer.status_code == 200
    assert answer.json()["seq"] <= scenes.reload(deployment).last_seq
