"""Updates bring an open page from one event number to another, with the same content as a new page."""

from __future__ import annotations

import json
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from deployments.common.pages.locale import Locale
from deployments.deployment_pages.pages import log, page_updates
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from tests.live import scenes
from tests.live.stream_reader import SEQ

pytestmark = pytest.mark.django_db
SCRIPT = settings.BASE_DIR / "deployments/deployment_pages/static/deployment.js"
ENGLISH, JAPANESE = Locale("en", "UTC"), Locale("ja", "Asia/Tokyo")


def update(
    deployment: Deployment, since: int, until: int = 10**6, locale: Locale = ENGLISH
) -> dict[str, Any]:
    built = page_updates.build(deployment.pk, since, until, locale)
    body: dict[str, Any] = json.loads(built.json)
    assert built.seq == body["seq"]
    return body


def ids(body: dict[str, Any]) -> list[str]:
    return [row["id"] for row in body["rows"]]


def test_an_update_has_the_events_after_one_number_up_to_another() -> None:
    deployment = scenes.running()

    body = update(deployment, 3, 7)

    assert (body["from"], body["seq"]) == (3, 7)
    assert [int(n) for html in body["events"] for n in SEQ.findall(html)] == [4, 5, 6, 7]


def test_the_script_of_the_page_puts_every_part_of_an_update_in_place() -> None:
    body = page_updates.fragments(DeploymentView.whole(scenes.running()))
    placed = re.search(r"for \(const part of \[(.*?)\]\) put\(", SCRIPT.read_text())

    assert placed
    assert set(re.findall(r'"(\w+)"', placed[1])) == set(body) - {"title", "state", "attention"}


def test_an_update_stops_at_what_is_there_and_at_its_own_size(monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = scenes.running()
    assert update(deployment, 3)["seq"] == deployment.last_seq
    monkeypatch.setattr(log, "LINES", 5)
    assert update(deployment, 3)["seq"] == 8


def test_an_update_without_events_tells_how_things_stand() -> None:
    deployment = scenes.needing_access()

    body = update(deployment, deployment.last_seq)

    assert body["from"] == body["seq"] == deployment.last_seq
    assert not body["events"]
    assert all("@" in row for row in ids(body))  # phases, which CloudFormation's events do not mention
    assert (body["state"], body["attention"]) == ("stacks", "AccessDenied")
    assert "In progress" in body["header"]


def test_pages_that_ask_while_nothing_happens_share_an_answer_until_something_does() -> None:
    deployment = scenes.running()
    last = deployment.last_seq
    requested = page_updates.build(deployment.pk, last, last, ENGLISH)

    assert page_updates.build(deployment.pk, last, last, ENGLISH) is requested
    assert page_updates.build(deployment.pk, last, last, JAPANESE) is not requested
    deployment.record(attention_code="AccessDenied", attention="No.")
    assert "No." in page_updates.build(deployment.pk, last, last, ENGLISH).json


def test_an_event_brings_its_row_and_every_stack_around_it() -> None:
    deployment = scenes.make_deployment()
    stacks = scenes.add_stacks(deployment, {"Aurora": 2, "Aurora/Inner": 2})
    deployment.refresh_from_db()
    scenes.add_events(deployment, scenes.event(stacks["Aurora/Inner"], "Inner2", "CREATE_COMPLETE"))

    body = update(deployment, deployment.last_seq - 1)

    assert ids(body) == ["t-", "t-Aurora", "t-Aurora.Inner", "t-Aurora.Inner.Inner2"]
    assert body["rows"][-1]["parent"] == "t-Aurora.Inner"
    assert "1/2" in body["rows"][2]["html"]


def test_an_event_of_a_nested_stack_brings_the_row_that_stands_for_it() -> None:
    deployment = scenes.make_deployment()
    stacks = scenes.add_stacks(deployment, {"Aurora": 2})
    scenes.add_events(deployment, scenes.event(stacks["Aurora"], "", "CREATE_IN_PROGRESS"))

    body = update(deployment, deployment.last_seq - 1)

    assert ids(body) == ["t-", "t-Aurora"]
    assert "In progress" in body["rows"][1]["html"]


def test_the_change_set_brings_rows_that_no_event_has_told_of() -> None:
    deployment = scenes.make_deployment()
    scenes.add_stacks(deployment, {"Network": 3})

    assert [row for row in ids(update(deployment, 1)) if "@" not in row] == [
        "t-",
        "t-Network",
        "t-Network.Network1",
        "t-Network.Network2",
        "t-Network.Network3",
    ]


def test_screen_readers_hear_of_phases_the_first_failure_and_the_end() -> None:
    deployment = scenes.rolled_back("lost")

    text = update(deployment, 1)["announcements"]

    assert text[:3] == ["Phase: Artifacts", "Phase: Change set", "Phase: Stacks"]
    assert text[3].startswith("Aurora3 failed: Resource handler returned message")
    assert len(text[3]) <= 140
    assert text[4].startswith("lost: Deployment failed; CloudFormation rolled it back.")
    assert len(text) == 5


@pytest.mark.parametrize("scene", scenes.STATES, ids=lambda scene: scene.__name__)
def test_an_update_is_in_the_readers_language_and_time(scene: Any) -> None:
    deployment = scene()
    english, japanese = update(deployment, 0), update(deployment, 0, locale=JAPANESE)

    assert english["header"] != japanese["header"]
    assert ids(english) == ids(japanese)
    first = Event.objects.of(deployment).earliest("seq")
    local = first.at.astimezone(ZoneInfo("Asia/Tokyo"))
    assert f"{local:%H:%M:%S}" in japanese["events"][0]


def test_an_end_comes_with_its_banner_and_title() -> None:
    deployment = scenes.make_deployment(name="prod")
    scenes.complete_everything(deployment, scenes.add_stacks(deployment, {"Network": 1}))
    scenes.finish(scenes.reload(deployment), State.SUCCEEDED)

    body = update(deployment, deployment.last_seq)

    assert body["state"] == "succeeded"
    assert body["title"].startswith("✓ Create prod · Deployment ")
    assert "prod created" in body["banner"]
