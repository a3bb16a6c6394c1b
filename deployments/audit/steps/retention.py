"""Remove audit records that are too old: in order from the start, with an audit record of the removal."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from deployments.access.models.audit_records import AuditCut, AuditRecord
from deployments.audit.steps.chain import locked_end
from deployments.common import request_context

REMOVED = "remove_audit_records"
"""The action of the audit record of a removal."""
BATCH = 5000
EVERY = timedelta(hours=20)
"""Old records are removed once a day: all that are due."""


def remove_old() -> int:
    """Remove the records that are too old, if a retention is set and today's removal was not done yet."""
    days = int(settings.SANSO_AUDIT_DAYS)
    latest = AuditCut.objects.order_by("-at").first()
    is_done = latest is not None and latest.at > timezone.now() - EVERY
    if days <= 0 or is_done or not AuditRecord.objects.chained().exists():
        return 0
    removed = 0
    while batch := _remove_batch(days):
        removed += batch
    return removed


def _remove_batch(days: int) -> int:
    oldest = timezone.now() - timedelta(days=days)
    with transaction.atomic():
        locked_end()
        some = AuditRecord.objects.chained().only("seq", "hash", "at")[:BATCH]
        rows = [(one.seq or 0, one.hash, one.at) for one in some]
        # In order: if a record stays, all records after it in the chain stay.
        number = next((n for n, (_, _, at) in enumerate(rows) if at >= oldest), len(rows))
        if not number:
            return 0
        first, (last, digest, until) = rows[0][0], rows[number - 1]
        AuditCut.objects.create(seq=last, hash=digest)
        removed, _ = models.QuerySet(AuditRecord).filter(seq__lte=last).delete()
        AuditRecord.objects.write(
            by=request_context.SCHEDULE,
            by_id="",
            action=REMOVED,
            details={"first": first, "last": last, "hash": digest, "until": until.isoformat(), "days": days},
        )
        return removed
