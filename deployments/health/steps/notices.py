"""The notification about a change of an environment's health that has lasted."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from deployments.common.errors import Message
from deployments.environments.models.environments import Environment
from deployments.notifications.models import NoticeState
from deployments.notifications.rules.topics import HealthSeen, Topic, follow_health
from deployments.notifications.shared import outbox


def health_observed(environment: Environment, status: str, sentence: Message | None, now: datetime) -> None:
    """Notify about a change of an environment's health that has lasted long enough."""
    key = f"health:{environment.pk}"
    row = NoticeState.objects.filter(key=key).first()
    before = None
    if row is not None:
        since = datetime.fromisoformat(row.values["since"])
        before = HealthSeen(notified=row.values["notified"], seen=row.values["seen"], since=since)
    after, is_change = follow_health(before, status, now)
    if before is not None and (after.notified, after.seen) == (before.notified, before.seen):
        return
    values = {"notified": after.notified, "seen": after.seen, "since": after.since.isoformat()}
    with transaction.atomic():
        NoticeState.objects.update_or_create(key=key, defaults={"values": values})
        if is_change and before is not None:
            payload = {
                "before": before.notified,
                "now": after.notified,
                "since": before.since.isoformat(),
                "message": sentence.as_json() if sentence else {},
            }
            topic = Topic.HEALTH_CHANGED
            name = f"{topic}:{environment.pk}:{int(before.since.timestamp())}"  # once, if two observe it
            targets = outbox.destinations_of(topic, environment)
            outbox.write(targets, topic, name, payload, now, environment=environment)
