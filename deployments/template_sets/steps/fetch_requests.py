"""Requests for fetches: by a person, a schedule or a webhook. At most one per template set is open."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from deployments.access.models.audit_records import AuditRecord
from deployments.common import request_context
from deployments.template_sets.models.sources import TemplateFetch, TemplateSource

if TYPE_CHECKING:
    from django.contrib.auth.models import User

BETWEEN_WEBHOOKS = timedelta(seconds=10)
"""Minimum time between the last fetch and one after a push; pushes in this time share one fetch."""


def request(
    source: TemplateSource,
    trigger: str,
    now: datetime,
    *,
    user: User | None = None,
    archive: bytes | None = None,
) -> TemplateFetch | None:
    """Request a fetch and return it; None if one is open."""
    try:
        with transaction.atomic():
            if trigger == "webhook":  # a person's request has its own record
                AuditRecord.objects.write(
                    action="fetch_template_set",
                    name=source.name,
                    by=request_context.WEBHOOK,
                    by_id=str(source.pk),
                )
            return TemplateFetch.objects.create(
                source=source,
                active_key=source.pk,
                requested_by=user,
                trigger=trigger,
                archive=archive,
                due_at=now,
            )
    except IntegrityError:
        return None


def request_scheduled(now: datetime) -> int:
    """Request the scheduled fetches that are due. Return their number.

    If a set has an open fetch, the next one is requested after its end.
    """
    requested = 0
    for source in TemplateSource.objects.to_fetch(now):
        later = now + timedelta(minutes=source.fetch_minutes) if source.fetch_minutes else None
        due = TemplateSource.objects.filter(pk=source.pk, due_at=source.due_at)
        with transaction.atomic():
            trigger = "schedule" if source.fetch_minutes else "webhook"
            if due.update(due_at=later) and request(source, trigger, now):
                requested += 1
            else:
                TemplateSource.objects.filter(pk=source.pk, due_at=later).update(due_at=source.due_at)
    return requested


def request_after_push(source: TemplateSource, now: datetime) -> None:
    """Request a fetch because the repository has changed, not more often than every few seconds.

    A fetch in progress may have read the repository before the push: another fetch follows it.
    """
    last = TemplateFetch.objects.of(source).first()
    if last is None or not (last.active_key or (last.ended_at and last.ended_at > now - BETWEEN_WEBHOOKS)):
        request(source, "webhook", now)
    elif last.state != "queued":
        soon = max(now, (last.ended_at or now) + BETWEEN_WEBHOOKS)
        TemplateSource.objects.live().filter(pk=source.pk).due_after(soon).update(due_at=soon)
