"""The pages of a scheduled creation: what waits, who requested it, another time, and canceling."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.create import request_deployment
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.recovery.commands.cancel import request_cancel
from tests.builders import make_account
from tests.locks.commands.test_freeze import freeze
from tests.pages.pages import page

pytestmark = pytest.mark.usefixtures("template_set")


@pytest.fixture
def scheduled(operator: User) -> Deployment:
    """A creation for tomorrow."""
    return request_deployment(
        user=operator,
        account=make_account("sandbox"),
        name="staging",
        parameters={"Database": "datelog", "Password": "a long secret"},
        reason="demo",
        request_key=uuid.uuid4(),
        scheduled_for=timezone.now() + timedelta(days=1),
    )


def test_its_page_says_what_waits_for_when_and_can_cancel_it(browser: Client, scheduled: Deployment) -> None:
    response = browser.get(scheduled.get_absolute_url(), follow=True)

    assert response.redirect_chain == [(reverse("scheduled_creation", args=[scheduled.pk]), 302)]
    shown = page(response)
    waits = shown.one(id="waits")
    assert scheduled.scheduled_for is not None
    assert f"Scheduled for {scheduled.scheduled_for:%Y-%m-%d %H:%M:%S} UTC" in waits.text
    assert "Requested by ana" in waits.text
    assert shown.one(id="cancel")["href"] == reverse("deployment_cancel", args=[scheduled.pk])
    assert "datelog" in shown.text
    assert "a long secret" not in response.content.decode()


def test_without_the_permission_the_page_says_who_can_grant_it(viewer: Client, scheduled: Deployment) -> None:
    shown = page(viewer.get(reverse("scheduled_creation", args=[scheduled.pk])))

    assert "disabled" in shown.one(id="cancel").attributes
    assert "permission “Create environments”" in shown.one(id="may-not").text


def test_the_environment_and_its_list_say_for_when_it_is_scheduled(
    browser: Client, scheduled: Deployment
) -> None:
    shown = page(browser.get(scheduled.environment.get_absolute_url()))
    assert "requested by ana" in shown.one(id="scheduled").text
    assert "Nothing exists in AWS yet." in shown.one(id="scheduled").text
    links = [link["href"] for link in shown.one(id="scheduled").all("a")]
    assert links == [
        scheduled.get_absolute_url(),
        reverse("environment_cancel", args=[scheduled.environment_id]),
    ]

    listed = page(browser.get(reverse("environments"))).one(id=f"environment-{scheduled.environment_id}")
    assert "Scheduled" in listed.text
    assert scheduled.scheduled_for is not None
    assert f"{scheduled.scheduled_for:%Y-%m-%d %H:%M}" in listed.text
    assert "1" in browser.get(reverse("environments"), {"status": "changing"}).content.decode()


def test_an_open_page_follows_the_creation_once_it_begins(browser: Client, scheduled: Deployment) -> None:
    address = reverse("scheduled_creation", args=[scheduled.pk])
    marker = browser.get(address).context["marker"]
    poll = {"HX-Request": "true"}
    polled = browser.get(address, {"marker": marker}, headers=poll)
    assert not {"HX-Refresh", "HX-Redirect"} & set(polled.headers)

    Deployment.objects.filter(pk=scheduled.pk).update(state="queued")
    assert browser.get(address, {"marker": marker}, headers=poll)["HX-Refresh"] == "true"

    Deployment.objects.filter(pk=scheduled.pk).update(state="preflight")
    begun = browser.get(address, {"marker": marker}, headers=poll)
    assert begun["HX-Redirect"] == scheduled.get_absolute_url()
    assert browser.get(address)["Location"] == scheduled.get_absolute_url()


def test_canceling_says_that_nothing_exists_and_the_page_then_that_it_was_canceled(
    browser: Client, operator: User, scheduled: Deployment
) -> None:
    address = reverse("deployment_cancel", args=[scheduled.pk])
    asked = page(browser.get(address))
    assert "Nothing exists in AWS." in asked.one(id="what").text
    assert "artifact bucket" not in asked.one(id="what").text

    browser.post(address, {"effect": asked.one("input", name="effect")["value"]})

    assert "Canceling" in page(browser.get(reverse("scheduled_creation", args=[scheduled.pk]))).text


def test_a_canceled_one_is_not_shown_as_a_deleted_environment(
    browser: Client, operator: User, scheduled: Deployment
) -> None:
    request_cancel(user=operator, deployment=scheduled, effect="end")
    now = timezone.now()
    Deployment.objects.update(state="canceled", ended_at=now)
    Environment.objects.update(deleted_at=now, live_key=None)

    note = page(browser.get(scheduled.environment.get_absolute_url())).one(id="never-begun").text

    assert "The scheduled creation was canceled" in note
    assert "Nothing was created in AWS" in note


def sent(account: Account, **values: str) -> dict[str, str]:
    """Return a valid form that schedules the creation."""
    form = {"account": str(account.pk), "name": "staging", "request_key": str(uuid.uuid4()), "when": "later"}
    parameters = {"Size": "large", "Count": "3", "Fast": "true", "Database": "datelog", "Zones": "a"}
    parameters["Password"] = "a long secret"
    form |= {f"parameter_{one}": parameters[one] for one in parameters}
    return form | {"zone": "Asia/Tokyo"} | values


def test_the_form_schedules_it_in_the_zone_of_the_page(browser: Client) -> None:
    at = (timezone.now() + timedelta(days=2)).replace(second=0, microsecond=0)
    at = at.astimezone(ZoneInfo("Asia/Tokyo"))
    values = sent(make_account("sandbox"), scheduled_for=f"{at:%Y-%m-%dT%H:%M}")

    response = browser.post(reverse("environment_new"), values, follow=True)

    found = Deployment.objects.get()
    assert (found.state, found.scheduled_for) == ("scheduled", at)
    assert response.redirect_chain[-1][0] == reverse("scheduled_creation", args=[found.pk])


@pytest.mark.parametrize(
    ("time", "text"), [("2020-01-01T10:00", "This time has passed."), ("", "Enter a date and a time.")]
)
def test_a_time_that_cannot_be_chosen_is_refused_beside_its_field(
    browser: Client, time: str, text: str
) -> None:
    response = browser.post(reverse("environment_new"), sent(make_account("sandbox"), scheduled_for=time))

    assert response.status_code == 422
    shown = page(response)
    assert text in shown.one(id="schedule-error").text
    field = shown.one(id="scheduled-for")
    assert (field["value"], field["aria-invalid"]) == (time, "true")
    assert "checked" in shown.one(id="when-later").attributes
    assert not Environment.objects.exists()


def test_in_a_freeze_the_form_offers_its_end(browser: Client) -> None:
    account = make_account("sandbox")
    window = freeze(account)
    end = datetime.combine(window.end_date, window.end_time, UTC)  # type: ignore[arg-type]
    form = page(browser.get(reverse("environment_new")))
    choices = {one["value"]: one.attributes for one in form.all("input", name="when")}
    assert ["disabled" in choices[one] for one in ("now", "after_freeze", "later")] == [True, False, False]
    assert "checked" in choices["after_freeze"]

    offered = form.one("input", type="hidden", name="after_freeze")["value"]
    browser.post(reverse("environment_new"), sent(account, when="after_freeze", after_freeze=offered))

    assert Deployment.objects.get().scheduled_for == end


def change_time(client: Client, deployment: Deployment, **values: str) -> Any:
    """Return the response, with the redirects that were followed."""
    return client.post(reverse("scheduled_time", args=[deployment.pk]), values, follow=True)


def test_the_time_is_changed_in_the_zone_of_the_page(browser: Client, scheduled: Deployment) -> None:
    in_three_days = (timezone.now() + timedelta(days=3)).astimezone(ZoneInfo("Asia/Tokyo"))
    at = in_three_days.replace(second=0, microsecond=0)
    shown = page(browser.get(reverse("scheduled_creation", args=[scheduled.pk]))).one(id="another-time")
    assert scheduled.scheduled_for is not None
    assert shown.one(id="scheduled-for")["value"] == f"{scheduled.scheduled_for:%Y-%m-%dT%H:%M}"
    assert "UTC" in shown.one(id="schedule-zone").text

    response = change_time(browser, scheduled, scheduled_for=f"{at:%Y-%m-%dT%H:%M}", zone="Asia/Tokyo")

    found = Deployment.objects.get()
    assert (found.state, found.scheduled_for, found.due_at) == ("scheduled", at, at)
    assert f"Scheduled for {at.astimezone(UTC):%Y-%m-%d %H:%M}" in page(response).one(id="waits").text
    record = AuditRecord.objects.get(action="reschedule")
    assert record.after == {"scheduled_for": at.isoformat()}


@pytest.mark.parametrize(
    ("time", "text"), [("2020-01-01T10:00", "This time has passed."), ("", "Enter a date and a time.")]
)
def test_another_time_that_cannot_be_chosen_is_refused_beside_its_field(
    browser: Client, scheduled: Deployment, time: str, text: str
) -> None:
    response = change_time(browser, scheduled, scheduled_for=time, zone="UTC")

    assert response.status_code == 422
    shown = page(response)
    assert text in shown.one(id="schedule-error").text
    assert "open" in shown.one(id="another-time").attributes
    assert shown.one(id="scheduled-for")["value"] == time
    assert Deployment.objects.get().scheduled_for == scheduled.scheduled_for


def test_it_can_start_now(browser: Client, scheduled: Deployment) -> None:
    response = change_time(browser, scheduled, now="")

    found = Deployment.objects.get()
    assert found.scheduled_for is not None
    assert found.scheduled_for == found.due_at
    assert found.scheduled_for <= timezone.now()
    assert found.version > scheduled.version
    assert response.redirect_chain[-1][0] == reverse("scheduled_creation", args=[found.pk])
    assert AuditRecord.objects.get(action="start_scheduled").deployment == found


def test_in_a_freeze_it_cannot_start_now(browser: Client, scheduled: Deployment) -> None:
    freeze(scheduled.environment.account)
    shown = page(browser.get(reverse("scheduled_creation", args=[scheduled.pk])))
    (button,) = shown.all("button", name="now")
    assert "disabled" in button.attributes
    assert "frozen" in shown.one(id="frozen").text

    response = change_time(browser, scheduled, now="")

    assert "frozen" in page(response).text
    assert Deployment.objects.get().scheduled_for == scheduled.scheduled_for


def test_an_open_page_shows_the_time_that_somebody_else_chose(browser: Client, scheduled: Deployment) -> None:
    address = reverse("scheduled_creation", args=[scheduled.pk])
    marker = browser.get(address).context["marker"]
    Deployment.objects.filter(pk=scheduled.pk).update(scheduled_for=timezone.now() + timedelta(days=2))
    answer = browser.get(address, {"marker": marker}, headers={"HX-Request": "true"})
    assert answer["HX-Refresh"] == "true"


def test_without_the_permission_the_time_stays(viewer: Client, scheduled: Deployment) -> None:
    shown = page(viewer.get(reverse("scheduled_creation", args=[scheduled.pk])))
    assert not shown.all(id="another-time")
    assert not shown.all("button", name="now")

    assert viewer.post(reverse("scheduled_time", args=[scheduled.pk]), {"now": ""}).status_code == 403
    assert Deployment.objects.get().scheduled_for == scheduled.scheduled_for
