"""The pages of notifications: their owners, their content, and secrets that they never show."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Label
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.models.encryption import decrypt_values
from deployments.notifications.models import Delivery, NotificationTarget
from deployments.notifications.rules.topics import Topic
from deployments.notifications.shared import outbox
from tests.builders import allow, make_environment, make_user
from tests.health_builders import make_whole
from tests.notification_builders import make_target
from tests.pages.pages import page, rows

pytestmark = pytest.mark.django_db
ADDRESS = "https://hooks.example.com/services/s3cret"
GIVEN = {
    "name": "Team chat",
    "kind": "webhook",
    "address": ADDRESS,
    "topics": [str(Topic.DEPLOYMENT_FAILED)],
    "environments": "all",
    "language": "en",
}


@pytest.fixture
def operator(db: None) -> User:
    """A person who may view environments and set up shared targets."""
    return allow(make_user("ana"), "manage_notifications")


def test_without_targets_the_page_says_what_they_are_for(browser: Client) -> None:
    shown = page(browser.get(reverse("notifications"))).text
    assert "Nothing notifies you yet" in shown
    assert "root cause" in shown


def test_a_webhook_is_added_and_its_secret_is_shown_once(browser: Client, operator: User) -> None:
    environment = make_environment("staging")
    given = GIVEN | {"environments": f"environment:{environment.pk}"}
    response = browser.post(reverse("notification_new"), given)

    target = NotificationTarget.objects.get()
    (secret,) = decrypt_values(target.sealed_secret).values()
    assert page(response).one("code", id="secret-value").text == secret
    assert secret.startswith("whsec_")
    assert response["Cache-Control"].startswith("max-age=0")
    assert (target.owner, target.environment, target.topics) == (operator, environment, ["deployment.failed"])
    assert decrypt_values(target.sealed_address) == {"url": ADDRESS}

    (row,) = rows(browser.get(reverse("notifications")))
    for part in ("Team chat", "Webhook", "https://hooks.example.com", "Deployment failed", "staging", "On"):
        assert part in row
    for url in (reverse("notifications"), target.get_absolute_url(), reverse("notification_edit", args=[1])):
        content = browser.get(url).content.decode()
        assert "s3cret" not in content
        assert secret not in content
    record = AuditRecord.objects.get()
    assert (record.action, record.name) == ("add_notification", "Team chat")
    assert "s3cret" not in str(record.details)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "This field is required."),
        ("address", "", "Enter an address such as https://"),
        ("address", "ftp://hooks.example.com/", "Enter an address such as https://"),
        ("topics", [], "Choose at least one topic."),
        ("environments", "environment:999", "Select a valid choice."),
        ("language", "xx", "Select a valid choice."),
    ],
)
def test_missing_and_invalid_values_are_reported_beside_their_fields(
    browser: Client, field: str, value: object, message: str
) -> None:
    response = browser.post(reverse("notification_new"), GIVEN | {field: value})

    assert response.status_code == 422
    assert message in page(response).one("ul", id=f"id_{field}_error").text
    assert not NotificationTarget.objects.exists()


def test_an_edit_keeps_the_address_unless_another_is_entered(browser: Client, operator: User) -> None:
    target = make_target(ADDRESS, owner=operator)
    url = reverse("notification_edit", args=[target.pk])

    browser.post(url, GIVEN | {"address": "", "name": "Renamed", "language": "ja"})
    target.refresh_from_db()
    assert (target.name, target.language, decrypt_values(target.sealed_address)) == (
        "Renamed",
        "ja",
        {"url": ADDRESS},
    )

    browser.post(url, GIVEN | {"address": "https://other.example.com/x"})
    target.refresh_from_db()
    assert (target.hint, decrypt_values(target.sealed_address)["url"]) == (
        "https://other.example.com",
        "https://other.example.com/x",
    )


def test_a_label_chooses_the_environments_that_have_it_now_or_later(browser: Client, operator: User) -> None:
    shop = make_environment("shop")
    Label.objects.create(environment=shop, key="team", value="a=b: c")
    browser.post(reverse("notification_new"), GIVEN | {"environments": "label:team=a=b: c"})

    target = NotificationTarget.objects.get()
    assert (target.label_key, target.label_value, target.environment) == ("team", "a=b: c", None)
    assert "Environments with the label team=a=b: c" in page(browser.get(target.get_absolute_url())).text
    assert list(NotificationTarget.objects.for_environment(shop)) == [target]
    assert not NotificationTarget.objects.for_environment(make_environment("other"))
    Label.objects.all().delete()
    assert not NotificationTarget.objects.for_environment(shop)
    form = page(browser.get(reverse("notification_edit", args=[target.pk]))).one(
        "select", name="environments"
    )
    chosen = [one["value"] for one in form.all("option") if "selected" in one.attributes]
    assert chosen == ["label:team=a=b: c"]
    browser.post(reverse("notification_edit", args=[target.pk]), GIVEN | {"address": ""})
    target.refresh_from_db()
    assert target.label == ""


def test_targets_are_searched_filtered_and_ordered(browser: Client, operator: User) -> None:
    make_target(ADDRESS, name="a", owner=operator, enabled=False)
    make_target(ADDRESS, name="b", owner=operator, environment=make_environment("shop"))
    make_target(ADDRESS, name="c", label_key="team", label_value="payments")
    url = reverse("notifications")

    def found(query: str) -> list[str]:
        shown = page(browser.get(url + query))
        return [row.one("th").text for body in shown.all("tbody") for row in body.all("tr")]

    assert found("") == ["a", "b", "c"]
    assert found("?sort=newest") == ["b", "a", "c"]  # personal ones first
    assert found("?q=shop") == ["b"]
    assert found("?q=team%3Dpayments") == found("?q=paym") == ["c"]
    assert found("?status=off") == ["a"]
    assert found("?kind=mail") == []
    hiding = page(browser.get(f"{url}?kind=mail&q=x")).one(class_="set-filters")
    assert [a.text for a in hiding.all("a")] == ["Remove filter Search: x ✕", "Remove filter Kind: Email ✕"]


def test_another_persons_target_is_not_found(browser: Client) -> None:
    target = make_target(ADDRESS, owner=make_user())
    delivery = outbox.test(target, "first", timezone.now())

    for name in ("notification", "notification_edit"):
        assert browser.get(reverse(name, args=[target.pk])).status_code == 404
    for name in ("notification_test", "notification_switch", "notification_remove"):
        assert browser.post(reverse(name, args=[target.pk])).status_code == 404
    assert browser.post(reverse("notification_retry", args=[target.pk, delivery.pk])).status_code == 404
    assert "Nothing notifies you yet" in page(browser.get(reverse("notifications"))).text


def test_who_may_not_manage_shared_targets_sees_that_they_exist_and_no_more(viewer: Client) -> None:
    target = make_target(ADDRESS)
    outbox.test(target, "first", timezone.now())

    assert "Hook" in rows(viewer.get(reverse("notifications")))[0]
    shown = page(viewer.get(target.get_absolute_url()))
    assert not shown.all("section", id="log")
    assert not shown.all("button", id="test")
    for name in ("notification_test", "notification_switch", "notification_remove"):
        assert viewer.post(reverse(name, args=[target.pk])).status_code == 403
    viewer.post(reverse("notification_new"), GIVEN | {"shared": "on"})
    assert not NotificationTarget.objects.exclude(pk=target.pk).filter(owner=None).exists()


def test_a_test_is_sent_once_at_a_time_and_its_outcome_is_in_the_log(browser: Client, operator: User) -> None:
    target = make_target(ADDRESS, owner=operator)
    assert "Nothing was sent yet" in page(browser.get(target.get_absolute_url())).text

    browser.post(reverse("notification_test", args=[target.pk]))
    again = browser.post(reverse("notification_test", args=[target.pk]), follow=True)
    assert "A test message is being sent already." in page(again).text
    (delivery,) = Delivery.objects.all()
    assert (delivery.topic, delivery.state) == (Topic.TEST, "pending")
    assert "Pending" in rows(browser.get(target.get_absolute_url()))[0]

    problem = Message(Code.NOTIFY_STATUS, {"host": "hooks.example.com", "status": "500"})
    Delivery.objects.update(
        state="failed", status=500, milliseconds=12, attempts=1, error_sentence=problem.as_json()
    )
    (row,) = rows(browser.get(target.get_absolute_url(), headers={"HX-Request": "true"}))
    for part in ("Test message", "Given up", "hooks.example.com answered with the status 500.", "12 ms"):
        assert part in row


def test_failed_deliveries_are_sent_again_on_request(browser: Client, operator: User) -> None:
    target = make_target(ADDRESS, owner=operator)
    delivery = outbox.test(target, "first", timezone.now())
    url = reverse("notification_retry", args=[target.pk, delivery.pk])
    assert "Only a delivery that was given up" in page(browser.post(url, follow=True)).text
    Delivery.objects.update(state="failed", due_at=None, ended_at=timezone.now(), attempts=9)

    browser.post(url)

    again = Delivery.objects.get()
    assert (again.state, again.message_id, again.attempts) == ("pending", delivery.message_id, 0)
    assert again.due_at is not None


def test_a_target_is_switched_off_and_on_and_removed(browser: Client, operator: User) -> None:
    target = make_target(ADDRESS, owner=operator)
    url = reverse("notification_switch", args=[target.pk])

    assert "Switched off" in page(browser.post(url, {"off": "1"}, follow=True)).text
    assert "Switched off" not in page(browser.post(url, {"on": "1"}, follow=True)).text
    response = browser.post(reverse("notification_remove", args=[target.pk]), follow=True)
    assert "Hook is removed." in page(response).text
    assert not NotificationTarget.objects.exists()


def test_a_person_has_a_limited_number_of_targets(browser: Client, operator: User) -> None:
    for number in range(20):
        make_target(ADDRESS, owner=operator, name=f"hook {number}")
    response = browser.post(reverse("notification_new"), GIVEN)
    assert response.status_code == 422
    assert "You have 20 targets already." in page(response).text


def test_the_page_says_that_links_need_a_setting(browser: Client, operator: User, settings: Settings) -> None:
    make_target(ADDRESS, owner=operator)
    assert "SANSO_URL" in page(browser.get(reverse("notifications"))).text
    settings.SANSO_URL = "https://sanso.example.com"
    assert "SANSO_URL" not in page(browser.get(reverse("notifications"))).text


def test_own_emails_go_to_the_address_of_the_user_alone(
    browser: Client, operator: User, settings: Settings
) -> None:
    given = GIVEN | {"kind": "mail", "address": "eve@example.com"}
    assert browser.post(reverse("notification_new"), given).status_code == 422  # no kind is offered
    settings.SANSO_MAIL = True
    response = browser.post(reverse("notification_new"), given)
    assert "Your user has no email address." in page(response).one("ul", id="id_kind_error").text

    User.objects.filter(pk=operator.pk).update(email="ana@example.com")
    response = browser.post(reverse("notification_new"), given)
    target = NotificationTarget.objects.get()
    assert response["Location"] == target.get_absolute_url()
    assert (target.kind, target.hint, target.sealed_secret) == ("mail", "ana@example.com", "")

    browser.post(reverse("notification_edit", args=[target.pk]), GIVEN | {"address": "eve@example.com"})
    target.refresh_from_db()
    assert decrypt_values(target.sealed_address) == {"email": "ana@example.com"}


def test_shared_emails_go_to_any_address(browser: Client, settings: Settings) -> None:
    settings.SANSO_MAIL = True
    given = GIVEN | {"kind": "mail", "shared": "on"}
    response = browser.post(reverse("notification_new"), given | {"address": "not an address"})
    assert "Enter an email address." in page(response).one("ul", id="id_address_error").text
    browser.post(reverse("notification_new"), given | {"address": "ops@example.com"})
    assert NotificationTarget.objects.get().hint == "ops@example.com"


def test_a_new_signing_secret_is_shown_once(browser: Client, operator: User) -> None:
    target = make_target(ADDRESS, owner=operator)
    (before,) = decrypt_values(target.sealed_secret).values()

    shown = page(browser.post(reverse("notification_rotate", args=[target.pk])))

    target.refresh_from_db()
    assert decrypt_values(target.sealed_secret) == {
        "now": shown.one("code", id="secret-value").text,
        "before": before,
    }
    assert "Messages are signed with the secret before as well" in shown.text
    NotificationTarget.objects.update(kind="mail")
    response = browser.post(reverse("notification_rotate", args=[target.pk]), follow=True)
    assert "Only webhooks have a signing secret." in page(response).text


def test_a_chat_service_is_added_by_an_allowed_scheme(browser: Client) -> None:
    given = GIVEN | {"kind": "service"}
    response = browser.post(reverse("notification_new"), given | {"address": "json://10.0.0.1/"})
    assert "begins with one of: discord" in page(response).one("ul", id="id_address_error").text
    browser.post(reverse("notification_new"), given | {"address": "slack://s3cret/token/x"})
    target = NotificationTarget.objects.get()
    assert (target.kind, target.hint) == ("service", "slack://…")
    assert "s3cret" not in browser.get(target.get_absolute_url()).content.decode()


def test_the_page_of_an_environment_says_who_is_notified(browser: Client, operator: User) -> None:
    environment = make_whole("staging")
    url = reverse("environment_configuration", args=[environment.pk])
    assert "Nobody is notified about this environment." in page(browser.get(url)).text

    make_target(ADDRESS, name="Team chat")
    make_target(ADDRESS, name="Mine", owner=operator, environment=environment)
    make_target(ADDRESS, name="Private", owner=make_user("bob"))
    make_target(ADDRESS, name="Elsewhere", environment=make_environment())

    section = page(browser.get(url)).one("section", id="notified").text
    for part in ("Team chat", "Mine", "bob", "Deployment failed"):
        assert part in section
    for part in ("Private", "Elsewhere", "hooks.example.com"):
        assert part not in section
