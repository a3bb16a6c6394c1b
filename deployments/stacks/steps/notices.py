"""The notification about a deployment that takes longer than was forecast."""

from __future__ import annotations

from datetime import datetime

from deployments.environments.models.deployments import Deployment
from deployments.notifications.models import NoticeState
from deployments.notifications.rules.topics import Topic, is_late
from deployments.notifications.shared import outbox
from deployments.notifications.shared.outbox import about_deployment


def forecast_computed(deployment: Deployment, end: datetime, now: datetime) -> None:
    """Notify that a deployment will take longer than was forecast at first, once."""
    topic = Topic.DEPLOYMENT_LATE
    targets = outbox.destinations_of(topic, deployment.environment)
    if not targets:
        return
    began = deployment.began_at
    defaults = {"values": {"end": end.isoformat()}}
    row, is_first = NoticeState.objects.get_or_create(key=f"forecast:{deployment.pk}", defaults=defaults)
    first_end = datetime.fromisoformat(row.values["end"])
    if is_first or not is_late(began, first_end, end):
        return
    payload = about_deployment(deployment) | {"first_end": first_end.isoformat(), "end": end.isoformat()}
    key, environment = f"{topic}:{deployment.pk}", deployment.environment
    outbox.write(targets, topic, key, payload, now, environment=environment, deployment=deployment)
