"""Export and import of ended deployments as recordings."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from deployments.common.errors import UserFixable
from deployments.deployment_pages import recordings
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.models.events import Event
from tests.builders import make_user
from tests.live import scenes
from tests.pages.pages import page

pytestmark = pytest.mark.django_db


def test_an_imported_recording_equals_the_exported_deployment() -> None:
    before = scenes.rolled_back("lost")
    recording = json.loads(json.dumps(recordings.dump(scenes.reload(before))))

    after = recordings.load(recording, make_user("reader"))

    assert after.pk != before.pk
    again = recordings.dump(after)
    assert {k: v for k, v in again.items() if k != "requested_by"} == {
        k: v for k, v in recording.items() if k != "requested_by"
    }


def test_recordings_are_not_in_the_lists(browser: Client) -> None:
    recording = recordings.dump(scenes.reload(scenes.succeeded("prod")))
    after = recordings.load(recording, make_user("reader"))

    assert not Environment.objects.live().filter(pk=after.environment_id).exists()
    assert not Account.objects.usable().filter(pk=after.environment.account_id).exists()
    shown = browser.get(after.get_absolute_url()).content.decode()
    assert "Delete remaining resources" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "/deployments/",
        "/environments/?deleted=1",
        *(
            f"/admin/deployments/{rows}/"
            for rows in ("deployment", "environment", "stack", "resource", "event")
        ),
    ],
)
def test_no_list_has_a_recording_among_what_was_done(client: Client, url: str) -> None:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    scenes.succeeded("prod")
    recordings.load(recordings.dump(scenes.reload(scenes.rolled_back("taped"))), make_user("reader"))
    Environment.objects.filter(name="taped", account__is_recording=False).delete()

    listed = page(client.get(url)).one("main").text

    assert "prod" in listed
    assert "taped" not in listed


def test_the_account_of_recordings_is_offered_nowhere(client: Client) -> None:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    scenes.succeeded("prod")
    recordings.open_included("update", make_user("reader"))

    for url in ("/environments/", "/admin/deployments/account/", "/admin/deployments/event/"):
        assert recordings.ACCOUNT not in page(client.get(url)).one("main").text


def test_recordings_are_listed_with_the_times_of_their_deployments(browser: Client) -> None:
    recordings.load(recordings.dump(scenes.reload(scenes.rolled_back("taped"))), make_user("reader"))

    listed = page(browser.get("/deployments/recordings/")).one("main")

    success = listed.one("section", **{"aria-labelledby": "recording-success"}).text
    assert "2026-11-25 03:52:50" in success
    assert "2:13" in success
    assert "Create taped" in listed.one("section", **{"aria-labelledby": "imported-title"}).text


def test_imported_recordings_are_searched_and_ordered(browser: Client) -> None:
    reader = make_user("reader")
    for name in ("first", "second"):
        recordings.load(recordings.dump(scenes.reload(scenes.rolled_back(name))), reader)
    url = "/deployments/recordings/"

    def found(query: str) -> list[str]:
        shown = page(browser.get(url + query)).one("section", **{"aria-labelledby": "imported-title"})
        return [row.one("th").text for body in shown.all("tbody") for row in body.all("tr")]

    assert found("") == found("?status=problems") == ["Create second", "Create first"]
    assert found("?sort=name") == found("?sort=recorded") == ["Create first", "Create second"]
    assert found("?q=SEC") == ["Create second"]
    assert found("?q=third") == []
    (removed,) = page(browser.get(f"{url}?q=third")).one(class_="set-filters").all("a")
    assert removed["href"] == "?"


def test_a_replay_begins_at_the_time_of_the_recording(browser: Client) -> None:
    deployment = recordings.open_included("success", make_user("reader"))

    shown = page(browser.get(f"{deployment.get_absolute_url()}?replay=1"))

    header = shown.one(id="header").text
    assert "0:00 elapsed" in header
    assert "reader" not in header
    assert "Recordings" in shown.one("nav", class_="crumbs").text


def test_the_environment_of_a_recording_is_not_called_deleted(browser: Client) -> None:
    deployment = recordings.open_included("success", make_user("reader"))

    shown = page(browser.get(deployment.environment.get_absolute_url())).one("main").text

    assert "part of a recording" in shown
    assert "was deleted" not in shown


def test_an_active_deployment_cannot_be_exported() -> None:
    with pytest.raises(UserFixable):
        recordings.dump(scenes.reload(scenes.running("busy")))


def test_a_file_that_is_no_recording_is_rejected(tmp_path) -> None:  # type: ignore[no-untyped-def]
    make_user("reader")
    file = tmp_path / "x.json"
    for text in ("no json", "{}", '{"format": 99}', '{"format": 1}'):
        file.write_text(text)
        with pytest.raises(CommandError):
            call_command("load_recording", str(file), user="reader")
    assert not Deployment.objects.exists()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("deployment.state", "stacks"),
        ("deployment.kind", "explode"),
        ("deployment.ended_at", "2026-11-26T10:00"),
        ("deployment.ended_at", "0001-01-01T00:00:00+14:00"),
        ("deployment.last_seq", 2**40),
        ("deployment.reason", "a\0b"),
        ("deployment.parameters", {"Name": ["x"]}),
        ("deployment.error_sentence", {"code": "x", "params": ["y"]}),
        ("environment.outputs", []),
        ("environment.name", "x" * 61),
        ("stacks.0.changes", [["soon", "CREATE_COMPLETE"]]),
        ("stacks.0.path", "Nowhere/Inner"),
        ("stacks.0.resources.0.logical_id", None),
        ("events.0.seq", 2),
        ("events.0.seq", "1"),
        ("events.0.stack", "Nowhere"),
        ("events.1.values", {"at": float("nan")}),
        ("expectation", {"usual": {}, "seconds": float("inf"), "low": 0, "high": 0, "runs": 0}),
        ("region", 7),
    ],
)
def test_a_recording_with_an_invalid_value_is_rejected_completely(place: str, value: object) -> None:
    recording = json.loads(json.dumps(recordings.dump(scenes.reload(scenes.rolled_back()))))
    Deployment.objects.all().delete()
    *above, name = place.split(".")
    found: Any = recording
    for step in above:
        found = found[int(step) if step.isdigit() else step]
    found[name] = value

    with pytest.raises(UserFixable) as refused:
        recordings.load(recording, make_user("reader"))

    assert str(above[0] if above else name) in str(refused.value)
    assert not Deployment.objects.exists()


def test_a_recording_of_an_earlier_release_can_be_imported() -> None:
    recording = recordings.dump(scenes.reload(scenes.rolled_back()))
    for name in ("error_sentence", "ready_at", "polled_at"):
        del recording["deployment"][name]
    for event in recording["events"]:
        del event["repeat_of"]
    after = recordings.load(recording, make_user("reader"))
    assert (after.ready_at, after.error_sentence) == (None, {})


def test_the_recordings_included_can_be_opened_and_are_loaded_once(browser: Client) -> None:
    assert recordings.included() == ["failure", "success", "success-at-aws-speed", "update"]
    listed = browser.get("/deployments/recordings/").content.decode()
    for name in recordings.included():
        assert f"/deployments/recordings/{name}" in listed
        first = browser.post(f"/deployments/recordings/{name}")
        second = browser.post(f"/deployments/recordings/{name}")
        assert first["Location"] == second["Location"]
        assert browser.get(first["Location"]).status_code == 200
    assert Deployment.objects.count() == 4
    assert Event.objects.count() > 100


def test_the_recording_at_awss_speed_took_as_long_as_was_forecast(browser: Client) -> None:
    deployment = recordings.open_included("success-at-aws-speed", make_user("reader"))

    shown = page(browser.get("/deployments/recordings/")).one(
        "section", **{"aria-labelledby": "recording-success-at-aws-speed"}
    )
    assert "10:13" in shown.text
    assert "not measured on AWS" in shown.text
    assert deployment.ended_at is not None
    expectation = recordings.read("success-at-aws-speed")["expectation"]
    took = (deployment.ended_at - deployment.created_at).total_seconds()
    assert 0.7 * expectation["seconds"] < took < expectation["high"]


def test_viewers_can_replay_but_not_import_recordings(browser: Client, viewer: Client) -> None:
    assert viewer.post("/deployments/recordings/success").status_code == 403
    assert not Deployment.objects.exists()
    assert not Environment.objects.exists()
    listed = page(viewer.get("/deployments/recordings/")).one("main")
    assert not listed.all("button")
    assert "Create environments" in listed.text

    opened = browser.post("/deployments/recordings/success")["Location"]
    (link,) = page(viewer.get("/deployments/recordings/")).one("main").all("a", class_="button")
    assert link["href"] == opened
    assert viewer.get(opened).status_code == 200


def test_a_missing_recording_is_not_found(browser: Client) -> None:
    assert browser.post("/deployments/recordings/nothing").status_code == 404


def test_the_banner_of_a_recording_leads_to_no_environment(browser: Client) -> None:
    deployment = recordings.open_included("success", make_user("reader"))

    banner = page(browser.get(deployment.get_absolute_url())).one(id="banner")

    assert "This is a recording: its environment is not in AWS." in banner.text
    assert "View environment" not in banner.text


def test_a_recorded_change_began_when_it_was_applied() -> None:
    before = scenes.succeeded("shop")
    applied_at = before.created_at + timedelta(minutes=1)
    Deployment.objects.filter(pk=before.pk).update(kind="update", applied_at=applied_at)
    recording = json.loads(json.dumps(recordings.dump(scenes.reload(before))))

    after = recordings.load(recording, make_user("reader"))

    assert (after.began_at, after.applied_at) == (applied_at, applied_at)


def test_a_recording_of_the_release_before_has_no_time_of_apply() -> None:
    recording = recordings.dump(scenes.reload(scenes.succeeded("shop")))
    for name in ("applied_at", "cancel_code"):
        del recording["deployment"][name]

    after = recordings.load(json.loads(json.dumps(recording)), make_user("reader"))

    assert (after.applied_at, after.cancel_code) == (None, "")
