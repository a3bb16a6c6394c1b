"""Notifications other than deployment results: approvals, locks, health, updates, late deployments."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from pytest_django import Settings

from deployments.changes.commands import approve
from deployments.changes.commands.apply import apply_change
from deployments.changes.models.approvals import Approval
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.environments import Environment
from deployments.health.steps import notices
from deployments.locks.commands.locks import break_lock, lock_environment
from deployments.notifications.models import Delivery, NotificationTarget
from deployments.notifications.rules.topics import FLOOD, Reception, Topic
from deployments.notifications.senders.outcome import Outcome
from deployments.notifications.shared import outbox
from deployments.notifications.steps import delivery
from deployments.notifications.texts import notices as notice_texts
from deployments.stacks.steps.progress import forecast_computed
from deployments.template_sets.shared import versions as template_set_notices
from tests.builders import allow, make_deployment, make_environment, make_operator, make_user
from tests.health_builders import make_whole
from tests.notification_builders import make_target
from tests.previews import make_preview
from tests.template_versions import make_pinned, make_source, make_version

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.com/"


@pytest.fixture
def target() -> NotificationTarget:
    """A target for all topics."""
    return make_target(URL)


def written_texts() -> list[str]:
    """Return the texts of all notifications in the outbox, oldest first."""
    rows = Delivery.objects.order_by("pk")
    return [
        " / ".join([notice_texts.title(row.topic, row.payload), *notice_texts.lines(row.topic, row.payload)])
        for row in rows
    ]


def waiting() -> tuple[Any, Approval]:
    environment = make_whole("staging", parameters={"Size": "small"}, requires_approval=True)
    preview = make_preview(environment)
    apply_change(user=make_operator("ana"), deployment=preview, digest=preview.preview_digest)
    return preview, Approval.objects.waiting().get(deployment=preview)


def test_who_approves_is_told_that_a_change_waits_and_who_requested_it_what_came_of_it(
    target: NotificationTarget,
) -> None:
    preview, approval = waiting()
    (asked,) = written_texts()
    assert asked.startswith(
        "A change of staging waits for approval / Probably changes nothing: no outage expected / Expires: "
    )
    assert "Requested by: ana" in asked

    boss = allow(make_user("boss"), "approve_change")
    approve.deny(user=boss, deployment=preview, approval_pk=approval.pk, reason="Not on Fridays")

    answer = written_texts()[1]
    for part in ("Change of staging denied", "Decided by: boss", "Reason: Not on Fridays"):
        assert part in answer


def test_a_request_that_is_refused_notifies_nobody(target: NotificationTarget) -> None:
    preview, approval = waiting()
    with pytest.raises(PermissionDenied):
        approve.deny(user=approval.requested_by, deployment=preview, approval_pk=approval.pk, reason="")
    assert len(written_texts()) == 1


def test_a_broken_lock_is_told_with_both_reasons(target: NotificationTarget) -> None:
    environment = make_environment("staging")
    lock_environment(user=make_operator("ana"), environment=environment, reason="Audit")
    assert written_texts() == []

    break_lock(user=make_operator("eve"), environment=environment, reason="Ana is on holiday")

    (text,) = written_texts()
    assert text.startswith("eve broke the lock of staging / Locked by ana: “Audit”")
    assert "Reason: Ana is on holiday" in text


def test_health_is_told_once_when_it_has_lasted(target: NotificationTarget) -> None:
    environment, now = make_environment("staging"), timezone.now()
    why = Message(Code.STACK_MISSING)
    for seconds, status in [(0, "healthy"), (30, "unhealthy"), (60, "unhealthy"), (91, "unhealthy")]:
        notices.health_observed(environment, status, why, now + timedelta(seconds=seconds))
    notices.health_observed(environment, "unhealthy", why, now + timedelta(seconds=120))

    (text,) = written_texts()
    assert text.startswith("staging: Unhealthy / Before: Healthy / The stack no longer exists")


def test_an_update_is_told_once_for_each_version(target: NotificationTarget, tmp_path: Path) -> None:
    source = make_source("shop")
    first = make_version(source, tmp_path / "shop", "v1")
    environment = make_pinned("staging", first, channel="v*")
    template_set_notices.updates_offered(source, timezone.now())
    assert written_texts() == []

    make_version(
        source, tmp_path / "shop", "v2", files={"root.yaml": "Resources: {B: {Type: AWS::S3::Bucket}}"}
    )
    for _ in range(2):
        template_set_notices.updates_offered(source, timezone.now())

    (text,) = written_texts()
    assert text.startswith("Update available for staging: v2 / Template set: shop / Version now: v1")
    Environment.objects.filter(pk=environment.pk).update(channel="")
    assert len(written_texts()) == 1


def test_a_deployment_is_late_once_compared_with_its_first_forecast(target: NotificationTarget) -> None:
    deployment, now = make_deployment(make_environment("staging")), timezone.now()
    for minutes in (10, 12, 30, 40):
        forecast_computed(deployment, now + timedelta(minutes=minutes), now)

    (text,) = written_texts()
    assert text.startswith("staging takes longer than forecast / Forecast at first: ")


def test_of_a_flood_what_is_too_much_comes_in_one_digest(target: NotificationTarget) -> None:
    now = timezone.now()
    for number in range(FLOOD + 5):
        outbox.write([target], Topic.LOCK_BROKEN, f"event {number}", {"broken_by": f"user{number}"}, now)

    assert Delivery.objects.pending().exclude(topic="digest").count() == FLOOD
    digest = Delivery.objects.get(topic="digest")
    assert digest.due_at == now + timedelta(minutes=1)
    outcome = Outcome(reception=Reception.AGAIN, status=500)
    assert delivery.run_delivery(digest.pk, 0, lambda *_: outcome)

    digest.refresh_from_db()
    text = " / ".join(
        [notice_texts.title("digest", digest.payload), *notice_texts.lines("digest", digest.payload)]
    )
    assert text.startswith("5 notifications / user10 broke the lock of ")
    assert Delivery.objects.filter(digest=digest).count() == 5

    # A later notification goes into another digest; a digest that is sent again is unchanged.
    outbox.write([target], Topic.LOCK_BROKEN, "later", {"broken_by": "eve"}, now)
    assert delivery.run_delivery(digest.pk, 1, lambda *_: Outcome(reception=Reception.SENT, status=200))
    digest.refresh_from_db()
    assert (digest.payload["number"], digest.state) == (5, "sent")
    (again,) = Delivery.objects.pending().filter(topic="digest")
    assert delivery.run_delivery(again.pk, 0, lambda *_: Outcome(reception=Reception.SENT, status=200))
    again.refresh_from_db()
    assert again.payload["number"] == 1
    assert not Delivery.objects.to_collect(target).exists()


def test_a_digest_of_very_many_names_fifty(target: NotificationTarget) -> None:
    payload = {"items": [{"topic": "lock.broken", "payload": {}}] * 50, "number": 120}
    assert notice_texts.lines("digest", payload)[-1] == "70 more"


def test_every_topic_has_its_texts_in_both_languages(settings: Settings) -> None:
    for topic in Topic:
        assert notice_texts.topic_name(topic) != topic
