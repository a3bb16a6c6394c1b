"""Chain new audit records and write a daily anchor. Requests only add records; they do not wait for this.

One writer at a time: the process that holds the lock of the one row of the chain. Numbers follow the order of
chaining.
"""

from __future__ import annotations

import fcntl
import logging
import os
from datetime import date
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from deployments.access.models.audit_records import AuditAnchor, AuditChain, AuditRecord
from deployments.access.rules.audit_chain import Point, link_hash

log = logging.getLogger(__name__)

BATCH = 500
"""Records that one transaction chains."""


def chain_all() -> int:
    """Chain all unchained records in batches. Return their number; 0 while another process chains."""
    chained = 0
    while batch := _chain_batch():
        chained += batch
    return chained


def _chain_batch() -> int:
    if not AuditRecord.objects.unchained().exists():  # without a lock
        return 0
    AuditChain.objects.get_or_create(pk=AuditChain.ONLY)  # not while rows are locked: that can deadlock
    with transaction.atomic():
        end = locked_end()
        seq, previous = end.seq, end.hash
        # A plain query set: the model's own refuses updates.
        rows: models.QuerySet[AuditRecord] = models.QuerySet(AuditRecord)
        for record in AuditRecord.objects.unchained()[:BATCH]:
            seq += 1
            previous = link_hash(previous, seq, record.chained_values())
            if not rows.filter(pk=record.pk, seq=None).update(seq=seq, hash=previous):
                raise RuntimeError(f"audit record {record.pk} was chained by another process")
        moved = AuditChain.objects.filter(pk=end.pk, seq=end.seq).update(seq=seq, hash=previous)
        if not moved:
            raise RuntimeError("another process has moved the end of the audit chain")
        return seq - end.seq


def locked_end() -> AuditChain:
    """Return the end of the chain, locked until the transaction ends; a record has been chained before."""
    return AuditChain.objects.select_for_update().get(pk=AuditChain.ONLY)


def anchor(today: date | None = None) -> None:
    """Write the end of the chain as today's anchor if there is none, and append the anchors to the file."""
    today = today or timezone.now().date()
    newest = AuditAnchor.objects.order_by("-day").first()
    end = AuditChain.objects.filter(pk=AuditChain.ONLY, seq__gt=newest.seq if newest else 0).first()
    if end is not None and (newest is None or newest.day < today):
        try:
            with transaction.atomic():
                AuditAnchor.objects.create(day=today, seq=end.seq, hash=end.hash)
        except IntegrityError:  # another dispatcher was first
            pass
    _append(Path(settings.SANSO_AUDIT_ANCHORS))


def _append(path: Path) -> None:
    """Append the anchors after the last one in the file; each dispatcher writes a file on its own machine."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # several dispatchers on one machine
            known = _parsed(file.read())
            later = AuditAnchor.objects.filter(day__gt=known[-1].day) if known else AuditAnchor.objects.all()
            for one in later.order_by("day"):
                file.write(f"{one.day.isoformat()} {one.seq} {one.hash}\n")
    except OSError as exc:
        log.warning("the audit anchors could not be written to %s: %s", path, exc)


def anchors_in(path: Path) -> list[Point]:
    """Return the anchors of a file, [] if there is none. Raise ValueError for a line that is no anchor."""
    return _parsed(path.read_text()) if path.exists() else []


def _parsed(text: str) -> list[Point]:
    points = []
    for number, line in enumerate(text.splitlines(), 1):
        day, _, rest = line.partition(" ")
        seq, _, digest = rest.partition(" ")
        if not seq.isdecimal() or len(digest) != 64:
            raise ValueError(f"line {number} is no anchor")
        points.append(Point(seq=int(seq), hash=digest, day=day))
    return points
