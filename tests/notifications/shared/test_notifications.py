"""Notifications are stored with the change that they report, and sent at least once, with the same id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from deployments.access.models.grants import Label
from deployments.changes.steps import preview as preview_steps
from deployments.common.errors import AwsAccessError, Message
from deployments.common.message_codes import Code
from deployments.deployment_pages import recordings
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.failures.shared import notices
from deployments.notifications.commands import rotate_secret
from deployments.notifications.models import Delivery, NotificationTarget
from deployments.notifications.rules.standard_webhooks import new_secret
from deployments.notifications.rules.topics import GIVE_UP, Reception, Topic
from deployments.notifications.senders.outcome import Outcome
from deployments.notifications.shared import outbox
from deployments.notifications.steps import delivery as delivery_steps
from deployments.notifications.texts.notices import lines
from deployments.recovery.steps import remaining
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.shared.finalize import finalize
from deployments.steps import step
from tests.builders import allow, make_account, make_deployment, make_environment, make_user
from tests.notification_builders import make_target
from tests.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db
FAILURE = Path(django_settings.BASE_DIR) / "deployments" / "deployment_pages" / "recorded" / "failure.json"


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A receiver on loopback, which a setting allows."""
    settings.SANSO_NOTIFY_ADDRESSES = ["127.0.0.0/8"]
    settings.SANSO_URL = "https://sanso.example.com/"
    with receiving() as found:
        yield found


@pytest.fixture
def failed() -> Deployment:
    """The recording of a deployment that failed on real infrastructure."""
    return recordings.load(json.loads(FAILURE.read_text()), make_user("ana"))


def send(delivery: Delivery) -> Delivery:
    """Attempt the delivery once."""
    row = Delivery.objects.get(pk=delivery.pk)
    assert delivery_steps.run_delivery(row.pk, row.version)
    row.refresh_from_db()
    return row


def test_a_failed_deployment_is_sent_with_its_root_cause_and_first_failed_resource(
    receiver: Receiver, failed: Deployment
) -> None:
    secret = new_secret()
    make_target(receiver.url, secret=secret)
    notices.deployment_ended(failed, timezone.now())

    sent = send(Delivery.objects.get())

    assert (sent.state, sent.status, sent.due_at, sent.attempts) == ("sent", 200, None, 1)
    (got,) = receiver.requests
    content = Webhook(secret).verify(got.body, got.headers)
    assert content["type"] == "deployment.failed"
    data, name = content["data"], failed.environment.name
    assert data["title"] == f"Create {name} failed"
    assert data["url"] == f"https://sanso.example.com/deployments/{failed.pk}/"
    first = data["first_failure"]
    assert first["reason"]
    for part in (first["logical_id"], first["type"], first["reason"], "Cause: ", name, "Requested by: "):
        assert part in data["text"]
    assert data["cause"]["code"]


def test_a_message_is_written_in_the_language_and_time_zone_of_its_target(
    receiver: Receiver, failed: Deployment
) -> None:
    make_target(receiver.url, language="ja", time_zone="Asia/Tokyo")
    notices.deployment_ended(failed, timezone.now())
    send(Delivery.objects.get())

    text = receiver.requests[0].content["data"]["text"]
    assert "失敗" in text
    assert "JST" in text


def test_the_end_of_a_deployment_writes_one_row_for_each_target_that_wants_it() -> None:
    deployment = make_deployment(state="ready", kind="create")
    environment = deployment.environment
    wanted = [
        make_target("https://a.example.com/"),
        make_target("https://a.example.com/", owner=make_user()),
        make_target("https://a.example.com/", environment=environment),
        make_target("https://a.example.com/", account=environment.account),
        make_target("https://a.example.com/", label_key="team", label_value="payments"),
    ]
    Label.objects.create(environment=environment, key="team", value="payments")
    Label.objects.create(environment=environment, key="stage", value="test")
    make_target("https://a.example.com/", label_key="stage", label_value="prod")
    make_target("https://a.example.com/", topics=[str(Topic.DEPLOYMENT_FAILED)])
    make_target("https://a.example.com/", environment=make_environment())
    make_target("https://a.example.com/", account=make_account())
    make_target("https://a.example.com/", enabled=False)
    make_target("https://a.example.com/", owner=make_user(is_active=False))

    finalize(deployment, State.SUCCEEDED, "CREATE_COMPLETE", {})

    rows = Delivery.objects.order_by("target")
    assert [row.target for row in rows] == wanted
    assert {(row.topic, row.deployment_id) for row in rows} == {("deployment.succeeded", deployment.pk)}
    assert len({row.message_id for row in rows}) == len(wanted)
    notices.deployment_ended(deployment, timezone.now())
    assert Delivery.objects.count() == len(wanted)


def test_nothing_is_written_if_the_end_is_undone() -> None:
    make_target("https://a.example.com/")
    deployment = make_deployment(state="ready", kind="create")
    with transaction.atomic():
        finalize(deployment, State.SUCCEEDED, "CREATE_COMPLETE", {})
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_a_preview_that_is_discarded_is_no_result() -> None:
    make_target("https://a.example.com/")
    preview = make_deployment(kind="update", state="canceled", cancel_code="discarded")
    notices.deployment_ended(preview, timezone.now())
    assert not Delivery.objects.exists()


def test_a_failed_attempt_is_repeated_with_the_same_id_until_it_succeeds(receiver: Receiver) -> None:
    receiver.status = 503
    outbox.test(target := make_target(receiver.url), "first", timezone.now())
    Delivery.objects.update(topic=Topic.DEPLOYMENT_SUCCEEDED, payload={"kind": "create"})

    before = timezone.now()
    row = send(Delivery.objects.get(target=target))
    assert (row.state, row.status, row.attempts) == ("pending", 503, 1)
    assert row.error_sentence["code"] == Code.NOTIFY_STATUS
    assert row.due_at is not None
    assert timedelta(seconds=4) < row.due_at - before < timedelta(seconds=60)

    receiver.status = 200
    row = send(row)
    assert (row.state, row.status, row.attempts, row.error_sentence) == ("sent", 200, 2, {})
    assert len({got.id for got in receiver.requests}) == 1
    assert receiver.requests[0].id == f"msg_{row.message_id.hex}"


def test_a_receiver_that_asks_to_wait_is_left_alone_for_that_long(receiver: Receiver) -> None:
    receiver.status, receiver.answer = 429, {"Retry-After": "3000"}
    outbox.test(make_target(receiver.url), "first", timezone.now())
    Delivery.objects.update(topic=Topic.DEPLOYMENT_SUCCEEDED, payload={"kind": "create"})

    row = send(Delivery.objects.get())

    assert row.due_at is not None
    assert row.due_at - timezone.now() > timedelta(seconds=2900)


def test_after_a_day_a_delivery_is_given_up() -> None:
    row = _written()
    Delivery.objects.update(created_at=timezone.now() - GIVE_UP)
    problem = Message(Code.NOTIFY_STATUS, {"host": "a.example.com", "status": "500"})
    delivery_steps.run_delivery(
        row.pk, 0, lambda *_: Outcome(reception=Reception.AGAIN, status=500, problem=problem)
    )

    row.refresh_from_db()
    assert (row.state, row.due_at, row.error_sentence["code"]) == ("failed", None, Code.NOTIFY_STATUS)


def test_a_message_of_the_queue_that_comes_twice_sends_once() -> None:
    row = _written()
    sent: list[int] = []

    def count(delivery: Delivery, _now: object) -> Outcome:
        sent.append(delivery.pk)
        return Outcome(reception=Reception.SENT, status=200)

    assert delivery_steps.run_delivery(row.pk, 0, count)
    assert not delivery_steps.run_delivery(row.pk, 0, count)
    assert sent == [row.pk]


def test_a_worker_that_dies_while_it_sends_leaves_a_row_that_is_due_after_its_lease() -> None:
    row = _written()

    class Killed(BaseException):
        """Simulates the death of the process."""

    def die(*_: object) -> Outcome:
        raise Killed

    with pytest.raises(Killed):
        delivery_steps.run_delivery(row.pk, 0, die)

    row.refresh_from_db()
    assert row.state == "pending"
    assert row.due_at is not None
    assert row.due_at <= timezone.now() + timedelta(seconds=django_settings.SANSO_TICK_LEASE)


def test_an_error_of_ours_is_retried_like_any_other() -> None:
    row = _written()

    def fail(*_: object) -> Outcome:
        raise RuntimeError("a bug")

    delivery_steps.run_delivery(row.pk, 0, fail)
    row.refresh_from_db()
    assert (row.state, row.error_sentence["code"]) == ("pending", Code.UNEXPECTED_ERROR_IN_LOG)


def test_a_notification_of_a_disabled_target_is_not_sent() -> None:
    row = _written()
    NotificationTarget.objects.update(enabled=False)
    delivery_steps.run_delivery(row.pk, 0, lambda *_: pytest.fail("it was sent"))
    row.refresh_from_db()
    assert (row.state, row.error_sentence["code"]) == ("failed", Code.NOTIFY_DISABLED)


def test_an_address_that_cannot_be_decrypted_is_reported(settings: Settings) -> None:
    row = _written()
    settings.SECRET_KEY = "another one"
    delivery_steps.run_delivery(row.pk, 0)
    row.refresh_from_db()
    assert row.error_sentence["code"] == Code.NOTIFY_UNREADABLE


def test_old_deliveries_are_deleted() -> None:
    row = _written()
    assert outbox.prune(timezone.now() + timedelta(days=31)) == 0
    Delivery.objects.filter(pk=row.pk).update(state="sent", ended_at=timezone.now())
    assert outbox.prune(timezone.now()) == 0
    assert outbox.prune(timezone.now() + timedelta(days=31)) == 1


def _written() -> Delivery:
    """Return a delivery about a deployment that succeeded."""
    make_target("https://a.example.com/")
    deployment = make_deployment(state="ready", kind="create")
    finalize(deployment, State.SUCCEEDED, "CREATE_COMPLETE", {})
    return Delivery.objects.get()


# --- rotation, 410, services -----------------------------------------------------------------------


def test_while_a_secret_is_rotated_messages_are_signed_with_both(receiver: Receiver) -> None:
    boss = allow(make_user(), "manage_notifications")
    target = make_target(receiver.url, secret=(old := new_secret()))
    new = rotate_secret(user=boss, target=target)

    send(outbox.test(target, "first", timezone.now()))
    NotificationTarget.objects.update(before_until=timezone.now())
    send(outbox.test(target, "second", timezone.now()))

    during, after = receiver.requests
    for secret in (old, new):
        assert Webhook(secret).verify(during.body, during.headers)["type"] == "test"
    assert Webhook(new).verify(after.body, after.headers)["type"] == "test"
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(after.body, after.headers)


def test_410_switches_a_target_off_and_tells_its_owner_by_the_others(receiver: Receiver) -> None:
    owner = make_user()
    gone = make_target(receiver.url, owner=owner, name="Old hook")
    other = make_target(receiver.url, owner=owner, name="Mail")
    make_target(receiver.url, owner=make_user())
    receiver.status = 410

    row = send(outbox.test(gone, "first", timezone.now()))

    gone.refresh_from_db()
    assert (row.state, row.status) == ("failed", 410)
    assert (gone.enabled, gone.disabled_reason["code"]) == (False, Code.NOTIFY_GONE)
    notice = Delivery.objects.get(topic=Topic.TARGET_DISABLED)
    assert notice.target == other
    receiver.status = 200
    assert send(notice).state == "sent"
    data = receiver.requests[-1].content["data"]
    assert data["title"] == "The notification target “Old hook” was switched off"
    assert "it accepts no more notifications" in data["text"]


def test_a_service_gets_title_and_text_and_its_address_stays_in_the_row(
    receiver: Receiver, settings: Settings
) -> None:
    settings.SANSO_NOTIFY_SCHEMES = ["ntfy"]
    target = make_target(f"ntfy://127.0.0.1:{receiver.port}/s3cret")
    NotificationTarget.objects.update(kind="service")

    assert send(outbox.test(target, "first", timezone.now())).state == "sent"
    assert b"Sanso's notifications will be delivered here." in receiver.requests[0].body
    assert "s3cret" not in str(Delivery.objects.values())


# --- every end, with everything about it -----------------------------------------------------------


def test_the_documented_example_is_what_is_sent(receiver: Receiver, failed: Deployment) -> None:
    text = (Path(django_settings.BASE_DIR) / "docs" / "notifications.md").read_text()
    documented = json.loads(text.partition("```json\n")[2].partition("```")[0])
    Account.objects.update(name="development")
    failed = Deployment.objects.for_page().get(pk=failed.pk)
    Label.objects.create(environment=failed.environment, key="team", value="payments")
    failed.error_sentence = Message(Code.RESOURCE_FAILED, failed.error_sentence["params"]).as_json()
    remaining.request_search(failed)
    make_target(receiver.url, secret=new_secret())
    notices.deployment_ended(failed, datetime.fromisoformat(documented["timestamp"]))
    kept = {"search": "done", "services": {"logs": {"resources": [_LOG_GROUP]}}}
    Deployment.objects.filter(pk=failed.pk).update(remaining=kept)
    notices.remaining_searched(Deployment.objects.for_page().get(pk=failed.pk), timezone.now())

    send(Delivery.objects.get())

    sent = receiver.requests[0].content
    data = documented["data"]
    data |= {"deployment": failed.pk, "url": f"https://sanso.example.com/deployments/{failed.pk}/"}
    data["environment"]["id"] = failed.environment_id
    assert sent == documented


_LOG_GROUP = {
    "type": "AWS::Logs::LogGroup",
    "id": "/aws/lambda/sanso-trial-CheckTraffic",
    "reason": "logs",
    "billing": "billed",
}


def test_a_result_waits_for_the_search_for_what_remains_but_not_for_long() -> None:
    make_target("https://a.example.com/")
    deployment = make_deployment(kind="delete", state="stacks")
    before = timezone.now()
    finalize(deployment, State.SUCCEEDED, "DELETE_COMPLETE", {})

    row = Delivery.objects.get()
    assert row.payload["remaining"]["search"] == "pending"
    assert row.due_at is not None
    assert timedelta(0) < row.due_at - before <= timedelta(seconds=60)

    (search,) = ActionRequest.objects.filter(kind="search_remaining")
    remaining.abandon(search, Message(Code.NO_CREDENTIALS))
    row.refresh_from_db()
    assert row.due_at is not None
    assert row.due_at <= timezone.now()
    assert (row.payload["remaining"]["search"], row.payload["remaining"]["resources"]) == ("incomplete", 0)
    assert "Nothing was found in the services that could be searched." in lines(row.topic, row.payload)


def test_a_message_that_is_being_sent_is_not_changed() -> None:
    make_target("https://a.example.com/")
    finalize(make_deployment(kind="delete", state="stacks"), State.SUCCEEDED, "DELETE_COMPLETE", {})
    row = Delivery.objects.get()
    delivery_steps.run_delivery(row.pk, 0, lambda *_: Outcome(reception=Reception.AGAIN, status=500))

    (search,) = ActionRequest.objects.filter(kind="search_remaining")
    remaining.abandon(search, Message(Code.NO_CREDENTIALS))

    row.refresh_from_db()
    assert row.payload["remaining"]["search"] == "pending"


@pytest.mark.parametrize(
    ("values", "topic"),
    [
        ({"kind": "create", "state": "preflight"}, "deployment.failed"),
        ({"kind": "create", "state": "change_set"}, "deployment.failed"),
        ({"kind": "delete", "state": "preflight"}, "deployment.failed"),
        ({"kind": "rollback_update", "state": "preflight"}, "deployment.failed"),
        ({"kind": "update", "state": "queued", "applied_at": timezone.now()}, "deployment.failed"),
        ({"kind": "update", "state": "preflight", "operation": "take_over"}, "deployment.failed"),
        ({"kind": "update", "state": "preflight"}, None),  # a preview, which nobody has applied
    ],
)
def test_what_fails_before_aws_has_anything_is_notified_with_its_reason_and_labels(
    values: dict[str, Any], topic: str | None
) -> None:
    make_target("https://a.example.com/")
    deployment = make_deployment(reason="Release of Tuesday", **values)
    Label.objects.create(environment=deployment.environment, key="team", value="payments")

    def without_access(_account: object) -> Any:
        raise AwsAccessError(code="AccessDenied", operation="sts:AssumeRole", message="not authorized")

    assert step.run_deployment(deployment.pk, deployment.version, without_access)

    rows = Delivery.objects.all()
    assert [row.topic for row in rows] == ([topic] if topic else [])
    for row in rows:
        text = " / ".join(lines(row.topic, row.payload))
        user = deployment.requested_by.get_username()
        for part in ("sts:AssumeRole", "Reason: Release of Tuesday", "Labels: team=payments", user):
            assert part in text


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("missed", "Expired: it missed its scheduled time by more than an hour."),
        ("permission_lost", "Who applied it no longer has the permission."),
        ("environment_deleted", "The environment was deleted before the change was applied."),
    ],
)
def test_an_applied_change_that_never_begins_is_notified_with_the_cause(code: str, text: str) -> None:
    make_target("https://a.example.com/")
    deployment = make_deployment(kind="update", state="scheduled", applied_by=make_user(), cancel_code=code)

    preview_steps.end_canceled(deployment, cast("Any", None))

    row = Delivery.objects.get()
    assert row.topic == "deployment.canceled"
    assert lines(row.topic, row.payload)[0].startswith(text)


def test_a_denied_change_and_a_withdrawn_deletion_are_no_results() -> None:
    make_target("https://a.example.com/")
    for kind, code in (("update", "denied"), ("delete", "discarded")):
        deployment = make_deployment(kind=kind, state="approval", applied_by=make_user(), cancel_code=code)
        preview_steps.end_canceled(deployment, cast("Any", None))
    assert not Delivery.objects.exists()
