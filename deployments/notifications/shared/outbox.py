"""The outbox: a row for each message to each target, written in the transaction of its cause."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.notifications.models import Delivery, NoticeState, NotificationTarget
from deployments.notifications.rules.topics import WINDOW, Topic, belongs_in_digest

KEPT = timedelta(days=30)
"""Retention of the log of deliveries."""
BATCH = 2000
MAX_ITEMS = 50
"""Number of messages that a digest lists; it only counts the others."""


def destinations_of(topic: Topic, environment: Environment) -> list[NotificationTarget]:
    """Return the targets that are notified about a topic of an environment."""
    rows = NotificationTarget.objects.for_environment(environment)
    return [
        target
        for target in rows
        if topic in target.topics and (target.owner is None or can(target.owner, Right.VIEW, environment))
    ]


def write(
    targets: Iterable[NotificationTarget],
    topic: Topic,
    key: str,
    payload: dict[str, Any],
    now: datetime,
    *,
    environment: Environment | None = None,
    deployment: Deployment | None = None,
    wait: timedelta = timedelta(0),
) -> list[Delivery]:
    """Add a row for each target unless it has one with the same key. Return the new rows.

    They are due after `wait`; if there are too many, they wait for the digest of their target.
    """
    about: dict[str, Any] = {}
    if environment is not None:
        labels = dict(environment.labels.order_by("key").values_list("key", "value"))
        about = {"environment": {"id": environment.pk, "name": environment.name}, "labels": labels}
        about |= {"account": environment.account.name, "region": environment.account.region}
    written = []
    with transaction.atomic():
        for target in targets:
            values: dict[str, Any] = {"topic": topic, "environment": environment, "deployment": deployment}
            values |= {"payload": about | payload, "created_at": now, "due_at": now + wait}
            if topic is not Topic.TEST and _is_flooded(target, now):
                values |= {"state": "collected", "due_at": None}
            delivery, is_new = Delivery.objects.get_or_create(target=target, key=key, defaults=values)
            if is_new:
                written.append(delivery)
    return written


def complete(deployment: Deployment, more: dict[str, Any], now: datetime) -> None:
    """Add values to the messages about a deployment that are not sent yet and contain such, and send them.

    One that is being sent goes without them: a receiver gets the same content in each attempt.
    """
    with transaction.atomic():
        for row in Delivery.objects.select_for_update().not_begun().filter(deployment=deployment):
            if more.keys() <= row.payload.keys():
                row.payload |= more
                row.due_at = row.due_at and min(row.due_at, now)
                row.save(update_fields=["payload", "due_at"])


def _is_flooded(target: NotificationTarget, now: datetime) -> bool:
    """Return whether a message belongs in a digest; its row then exists and waits.

    The target's row is locked until the end of the transaction: `begin_digest` either finds the message, or
    has ended the digest before, so that there is a new one.
    """
    if not belongs_in_digest(Delivery.objects.recent(target, now - WINDOW).count()):
        return False
    NotificationTarget.objects.select_for_update().get(pk=target.pk)
    Delivery.objects.get_or_create(
        open_key=target.pk,
        defaults={
            "target": target,
            "key": f"{Topic.DIGEST}:{uuid.uuid4().hex}",
            "topic": Topic.DIGEST,
            "created_at": now,
            "due_at": now + WINDOW,
        },
    )
    return True


def begin_digest(digest: Delivery) -> None:
    """Put the collected messages into a digest that is about to be sent for the first time."""
    if digest.open_key is None:
        return
    with transaction.atomic():
        target = NotificationTarget.objects.select_for_update().get(pk=digest.target_id)
        collected = Delivery.objects.to_collect(target)
        items = [{"topic": one.topic, "payload": one.payload} for one in collected[:MAX_ITEMS]]
        number = collected.update(digest=digest, ended_at=digest.created_at)
        digest.payload, digest.open_key = {"items": items, "number": number}, None
        Delivery.objects.filter(pk=digest.pk).update(payload=digest.payload, open_key=None)


def test(target: NotificationTarget, key: str, now: datetime) -> Delivery:
    """Write a test message to a target."""
    (delivery,) = write([target], Topic.TEST, key, {}, now)
    return delivery


def prune(now: datetime) -> int:
    """Delete old deliveries and states, one batch of each. Return the number of deleted rows."""
    before, number = now - KEPT, 0
    for rows in (Delivery.objects.ended_before(before), NoticeState.objects.filter(updated_at__lt=before)):
        keys = list(rows.values_list("pk", flat=True)[:BATCH])
        rows.model._default_manager.filter(pk__in=keys).delete()
        number += len(keys)
    return number


def about_deployment(deployment: Deployment) -> dict[str, Any]:
    """Return what every notification about a deployment contains."""
    return {
        "deployment": deployment.pk,
        "kind": deployment.kind,
        "operation": deployment.operation,
        "requested_by": (deployment.applied_by or deployment.requested_by).get_username(),
    }
