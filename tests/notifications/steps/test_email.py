"""Notifications by email, to a real mail server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from deployments.common.message_codes import Code
from deployments.common.models.encryption import encrypt_values
from deployments.deployment_pages import recordings
from deployments.failures.shared import notices
from deployments.notifications.models import Delivery, NotificationTarget
from deployments.notifications.rules.topics import Topic
from deployments.notifications.shared import outbox
from deployments.notifications.steps import delivery as delivery_steps
from tests.builders import make_user
from tests.mailbox import Mailbox, mailbox
from tests.notification_builders import make_target
from tests.services import REPOSITORY

pytestmark = pytest.mark.django_db
FAILURE = Path(REPOSITORY / "deployments" / "deployment_pages" / "recorded" / "failure.json")


@pytest.fixture
def box(settings: Settings) -> Iterator[Mailbox]:
    """A mail server that the settings refer to."""
    with mailbox() as found:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", found.port
        settings.DEFAULT_FROM_EMAIL = "Sanso <sanso@example.com>"
        settings.SANSO_URL = "https://sanso.example.com"
        yield found


def make_mail_target(**values: Any) -> NotificationTarget:
    target = make_target("https://unused.example.com/", **values)
    target.kind, target.sealed_address = "mail", encrypt_values({"email": "ana@example.com"})
    target.save()
    return target


def send(delivery: Delivery) -> Delivery:
    row = Delivery.objects.get(pk=delivery.pk)
    assert delivery_steps.run_delivery(row.pk, row.version)
    row.refresh_from_db()
    return row


def test_a_failed_deployment_is_mailed_with_its_cause_in_text_and_html(box: Mailbox) -> None:
    failed = recordings.load(json.loads(FAILURE.read_text()), make_user("reader"))
    make_mail_target(name="My <mail>")
    notices.deployment_ended(failed, timezone.now())

    row = send(Delivery.objects.get())

    assert (row.state, row.error_sentence) == ("sent", {})
    (message,) = box.messages
    assert box.recipients == ["ana@example.com"]
    name, first = failed.environment.name, row.payload["first_failure"]
    assert message["Subject"] == f"[Sanso] Create {name} failed"
    assert message["From"] == "Sanso <sanso@example.com>"
    assert message["Message-ID"] == f"<msg_{row.message_id.hex}@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    html = message.get_body(("html",))
    assert html is not None
    url = f"https://sanso.example.com/deployments/{failed.pk}/"
    for part in (first["logical_id"], first["type"], "Cause: ", url, "My <mail>"):
        assert part in box.text()
    for part in (first["logical_id"], url, "My &lt;mail&gt;"):
        assert part in html.get_content()


def test_a_repeated_mail_has_the_same_message_id(box: Mailbox) -> None:
    row = outbox.test(make_mail_target(), "first", timezone.now())
    Delivery.objects.update(topic=Topic.DEPLOYMENT_SUCCEEDED, payload={"kind": "create"})
    box.refusal = "451 Try again later"
    row = send(row)
    assert (row.state, row.status, row.error_sentence["code"]) == (
        "pending",
        451,
        Code.NOTIFY_MAIL_ADDRESS_REJECTED,
    )
    box.refusal = ""
    assert send(row).state == "sent"
    Delivery.objects.update(state="pending")
    send(row)
    assert len({message["Message-ID"] for message in box.messages}) == 1
    assert len(box.messages) == 2


def test_a_mail_is_written_in_the_language_of_its_target(box: Mailbox) -> None:
    send(outbox.test(make_mail_target(language="ja"), "first", timezone.now()))
    # It begins on a line of its own once a chat's library has chosen a longer encoding for the process.
    assert box.messages[0]["Subject"].strip() == "[Sanso] テストメッセージ"
    assert "Sanso の通知はここに届きます。" in box.text()


def test_a_name_with_a_line_break_adds_no_header(box: Mailbox) -> None:
    row = outbox.test(make_mail_target(), "first", timezone.now())
    payload = {"kind": "create", "environment": {"name": "x\r\nBcc: eve@example.com"}}
    Delivery.objects.update(topic=Topic.DEPLOYMENT_SUCCEEDED, payload=payload)
    send(row)
    assert all(message["Bcc"] is None for message in box.messages)


def test_a_mail_server_that_does_not_answer_is_reported(settings: Settings, box: Mailbox) -> None:
    settings.EMAIL_PORT = 1
    row = send(outbox.test(make_mail_target(), "first", timezone.now()))
    assert (row.state, row.error_sentence["code"]) == ("failed", Code.SOURCE_UNREACHABLE)
