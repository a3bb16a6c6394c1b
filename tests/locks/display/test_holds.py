"""Locks and freezes on the pages: the person, the reason, the end, and the disabled buttons."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.environments.models.environments import Environment
from deployments.locks.commands.locks import break_lock, lock_environment
from deployments.locks.models import EnvironmentLock
from tests.builders import make_operator
from tests.health_builders import make_whole
from tests.locks.commands.test_freeze import freeze
from tests.pages.pages import page
from tests.previews import make_preview

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment() -> Environment:
    return make_whole("staging")


@pytest.fixture
def lock(environment: Environment) -> EnvironmentLock:
    return lock_environment(user=make_operator("bob"), environment=environment, reason="load test")


def test_an_operator_locks_and_unlocks(browser: Client, environment: Environment, operator: User) -> None:
    address = reverse("environment_lock", args=[environment.pk])
    assert page(browser.get(environment.get_absolute_url())).one(id="lock-environment")["href"] == address
    until = timezone.now() + timedelta(hours=3)

    done = browser.post(address, {"reason": "load test", "expires_at": f"{until:%Y-%m-%dT%H:%M}"})

    assert done["Location"] == environment.get_absolute_url()
    shown = page(browser.get(environment.get_absolute_url()))
    text = shown.one(id="held-by-lock").text
    assert f"ana locked staging until {until:%Y-%m-%d %H:%M} UTC: “load test”" in text
    assert not shown.all(id="break-lock")
    assert browser.post(reverse("environment_unlock", args=[environment.pk])).status_code == 302
    assert not page(browser.get(environment.get_absolute_url())).all(id="lock")


@pytest.mark.parametrize(
    ("sent", "field", "error"),
    [
        ({"reason": "", "expires_at": ""}, "reason", "This field is required."),
        ({"reason": "x", "expires_at": "2020-01-01T00:00"}, "expires_at", "Enter a time in the future."),
        ({"reason": "x", "expires_at": "soon"}, "expires_at", "Enter a valid date/time."),
    ],
)
def test_bad_input_has_its_error_beside_the_field(
    browser: Client, environment: Environment, sent: dict[str, str], field: str, error: str
) -> None:
    response = browser.post(reverse("environment_lock", args=[environment.pk]), sent)

    assert response.status_code == 422
    assert error in page(response).one(id=f"id_{field}_error").text
    assert not EnvironmentLock.objects.exists()


def test_the_lock_of_another_disables_what_changes_and_can_be_broken(
    browser: Client, environment: Environment, lock: EnvironmentLock
) -> None:
    shown = page(browser.get(environment.get_absolute_url()))
    for button, why in (("save-time", "save-time-why-not"), ("delete", "delete-why-not")):
        found = shown.one(id=button)
        assert "disabled" in found.attributes
        assert found["aria-describedby"] == why
        assert "bob locked staging" in shown.one(id=why).text
    assert shown.one(id="change").name == "a"  # changes can be previewed

    address = shown.one(id="break-lock")["href"]
    assert "bob locked staging: “load test”" in page(browser.get(address)).one("main").text
    assert browser.post(address, {"reason": ""}).status_code == 422
    assert browser.post(address, {"reason": "The site is down."}).status_code == 302

    history = page(browser.get(reverse("environment_history", args=[environment.pk]))).one(id="locks").text
    assert "bob" in history
    assert "Broken by ana: The site is down." in history


def test_the_list_has_a_badge(browser: Client, environment: Environment, lock: EnvironmentLock) -> None:
    row = page(browser.get(reverse("environments"))).one(id=f"environment-{environment.pk}")

    assert "Locked" in row.text
    assert "bob locked staging" in row.text


def test_the_deletion_page_says_why_it_is_disabled(
    browser: Client, environment: Environment, lock: EnvironmentLock
) -> None:
    address = reverse("environment_delete", args=[environment.pk])

    shown = page(browser.get(address))
    assert shown.one(id="held").text == "bob locked staging: “load test”"
    assert "disabled" in shown.one("button", class_="danger").attributes
    refused = browser.post(address, {"typed_name": "staging", "reason": "", "request_key": ""})
    assert refused.status_code == 422


def test_the_preview_says_beside_its_button_why_it_cannot_be_applied(
    browser: Client, environment: Environment, lock: EnvironmentLock
) -> None:
    preview = make_preview(environment)
    address = reverse("change_preview_page", args=[preview.pk])

    shown = page(browser.get(address))
    assert shown.one(id="why-not").text == "bob locked staging: “load test”"
    assert "disabled" in shown.one(id="apply-change").attributes
    browser.post(reverse("change_apply", args=[preview.pk]), {"digest": preview.preview_digest})
    preview.refresh_from_db()
    assert preview.applied_at is None

    (polled,) = [
        one["hx-get"] for one in shown.all("div") if "preview/state" in one.attributes.get("hx-get", "")
    ]
    assert "HX-Refresh" not in browser.get(polled)
    break_lock(user=make_operator(), environment=environment, reason="The site is down.")
    assert browser.get(polled)["HX-Refresh"] == "true"
    assert not page(browser.get(address)).all(id="why-not")


def test_a_freeze_is_shown_where_it_holds_something_back(browser: Client, environment: Environment) -> None:
    freeze(environment.account)
    preview = make_preview(environment)
    sentence = f"The account {environment.account.name} is frozen until"

    shown = page(browser.get(environment.get_absolute_url()))
    assert sentence in shown.one(id="held-by-freeze").text
    assert sentence in shown.one(id="delete-why-not").text
    assert "disabled" not in shown.one(id="save-time").attributes
    why = page(browser.get(reverse("change_preview_page", args=[preview.pk]))).one(id="frozen").text
    assert sentence in why
    assert "“Year-end sale”: “Every minute counts.”" in why


def test_in_a_freeze_a_change_is_applied_for_its_end(browser: Client, environment: Environment) -> None:
    window = freeze(environment.account)
    end = datetime.combine(window.end_date, window.end_time, UTC)  # type: ignore[arg-type]
    preview = make_preview(environment)
    form = page(browser.get(reverse("change_preview_page", args=[preview.pk])))

    choices = {one["value"]: one.attributes for one in form.all("input", name="when")}
    assert choices["now"]["aria-describedby"] == "frozen"
    assert ["disabled" in choices[one] for one in ("now", "after_freeze", "later")] == [True, False, False]
    assert "checked" in choices["after_freeze"]
    assert f"After the freeze, {end:%Y-%m-%d %H:%M}" in form.text
    assert "disabled" not in form.one(id="apply-change").attributes

    offered = form.one("input", type="hidden", name="after_freeze")["value"]
    sent = {"digest": preview.preview_digest, "when": "after_freeze", "after_freeze": offered}
    browser.post(reverse("change_apply", args=[preview.pk]), sent)
    preview.refresh_from_db()
    assert (preview.state, preview.scheduled_for) == ("scheduled", end)


def test_a_time_inside_a_freeze_is_refused_with_its_end_as_the_offer(
    browser: Client, environment: Environment
) -> None:
    tomorrow = timezone.now().replace(second=0, microsecond=0) + timedelta(days=1)
    end = tomorrow + timedelta(hours=2)
    dates = {"start_date": tomorrow.date(), "start_time": tomorrow.time()}
    freeze(environment.account, **dates, end_date=end.date(), end_time=end.time())
    preview = make_preview(environment)
    shown = page(browser.get(reverse("change_preview_page", args=[preview.pk])))
    assert [one["value"] for one in shown.all("input", name="when")] == ["now", "later"]
    sent = {"digest": preview.preview_digest, "when": "later", "zone": "UTC"}
    sent["scheduled_for"] = f"{tomorrow + timedelta(hours=1):%Y-%m-%dT%H:%M}"

    refused = browser.post(reverse("change_apply", args=[preview.pk]), sent)

    assert refused.status_code == 422
    form = page(refused)
    assert f"will be frozen then, until {end:%Y-%m-%d %H:%M} UTC" in form.one(id="schedule-error").text
    offered = form.one("input", type="hidden", name="after_freeze")["value"]
    browser.post(
        reverse("change_apply", args=[preview.pk]), sent | {"when": "after_freeze", "after_freeze": offered}
    )
    preview.refresh_from_db()
    assert preview.scheduled_for == end


@pytest.mark.parametrize("sent", ["", "soon", "2026-99-01T10:00:00+00:00", "2027-01-01T10:00:00"])
def test_an_offered_time_that_is_none_is_refused(
    browser: Client, environment: Environment, sent: str
) -> None:
    preview = make_preview(environment)
    values = {"digest": preview.preview_digest, "when": "after_freeze", "after_freeze": sent}

    refused = browser.post(reverse("change_apply", args=[preview.pk]), values)

    assert refused.status_code == 422
    assert "Enter a date and a time." in page(refused).one(id="schedule-error").text


def test_a_freeze_without_a_known_end_is_not_waited_for(browser: Client, environment: Environment) -> None:
    for day in (0, 1):  # the alternatives repeat endlessly
        weekly = {"kind": "weekly", "start_time": time(), "end_time": time()}
        freeze(environment.account, **weekly, start_day=day * 3, end_day=3 - day * 3)
    preview = make_preview(environment)

    shown = page(browser.get(reverse("change_preview_page", args=[preview.pk])))

    assert "whose end is not known" in shown.one(id="why-not").text
    assert "disabled" in shown.one(id="apply-change").attributes


def test_a_scheduled_change_says_that_its_time_is_in_a_freeze(
    browser: Client, environment: Environment
) -> None:
    window = freeze(environment.account)
    end = datetime.combine(window.end_date, window.end_time, UTC)  # type: ignore[arg-type]
    for moment, is_frozen in ((end - timedelta(minutes=1), True), (end, False)):
        waiting = make_preview(environment, state="scheduled", scheduled_for=moment)
        shown = page(browser.get(reverse("change_preview_page", args=[waiting.pk])))
        assert ("It begins after that at the earliest." in shown.one(id="waits").text) is is_frozen


def test_a_queued_change_says_what_it_waits_for(browser: Client, environment: Environment) -> None:
    freeze(environment.account)
    waiting = make_preview(environment, state="queued", applied_at=timezone.now())

    shown = page(browser.get(reverse("change_preview_page", args=[waiting.pk])))

    assert "is frozen until" in shown.one(id="held").text
    assert "It is about to begin." not in shown.text


def test_viewers_see_who_locked_it_and_have_no_button(
    viewer: Client, environment: Environment, lock: EnvironmentLock
) -> None:
    shown = page(viewer.get(environment.get_absolute_url()))

    assert "bob locked staging" in shown.one(id="lock").text
    assert not shown.all(id="break-lock")
    assert viewer.get(reverse("environment_break_lock", args=[environment.pk])).status_code == 403
    assert viewer.post(reverse("environment_unlock", args=[environment.pk])).status_code == 403
    assert AuditRecord.objects.filter(action="unlock", outcome="refused").count() == 1
