"""One attempt to send a delivery of the outbox: claim it with a lease, send it, record the outcome.

A worker that dies before it has sent leaves a row that is due when its lease ends. One that dies between
sending and recording sends again, with the same id: a receiver gets each message at least once.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.models import leases
from deployments.common.models.encryption import decrypt_values
from deployments.notifications.models import Delivery, NotificationTarget
from deployments.notifications.rules.standard_webhooks import signed_headers, valid_secrets
from deployments.notifications.rules.topics import Reception, Topic, next_attempt
from deployments.notifications.senders import apprise_url
from deployments.notifications.senders.outcome import Outcome
from deployments.notifications.senders.webhook import post, read_url
from deployments.notifications.shared import outbox
from deployments.notifications.steps import email, messages

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Number of deliveries that a worker sends at once, so that slow receivers do not occupy all threads."""
BUSY_FOR = timedelta(seconds=2)
_sending = threading.BoundedSemaphore(AT_ONCE)

Send = Callable[[Delivery, datetime], Outcome]


def run_delivery(pk: int, version: int, send: Send | None = None) -> bool:
    """Make one attempt. Return False if the message is stale or a duplicate."""
    rows = Delivery.objects.pending()
    if not leases.begin_step(rows, pk, version):
        return False
    row = Delivery.objects.select_related("target", "environment", "deployment").get(pk=pk)
    if row.version != version + 1:
        return False  # taken over between the two statements
    now = timezone.now()
    if not row.target.enabled and row.topic != Topic.TEST:
        _end(row, "failed", error_sentence=Message(Code.NOTIFY_DISABLED).as_json())
        return True
    if not _sending.acquire(blocking=False):
        leases.end_step(row, row.version, now + BUSY_FOR)
        return True
    try:
        lease = timedelta(seconds=settings.SANSO_TICK_LEASE)
        row.attempts += 1
        values = {"attempts": row.attempts, "attempted_at": now, "due_at": now + lease}
        if rows.filter(pk=pk, version=row.version).update(**values):
            outbox.begin_digest(row)
            _record(row, *_attempt(row, send or _send))
    finally:
        _sending.release()
    return True


def _attempt(row: Delivery, send: Send) -> tuple[Outcome, float]:
    """Return the outcome of an attempt and its duration in seconds."""
    started = time.monotonic()
    try:
        outcome = send(row, timezone.now())
    except DatabaseError:
        raise
    except InvalidToken:
        outcome = Outcome(reception=Reception.AGAIN, problem=Message(Code.NOTIFY_UNREADABLE))
    except Exception:
        log.exception("the delivery %s failed", row.pk)
        outcome = Outcome(reception=Reception.AGAIN, problem=Message(Code.UNEXPECTED_ERROR_IN_LOG))
    return outcome, time.monotonic() - started


def _record(row: Delivery, outcome: Outcome, seconds: float) -> None:
    """Store the outcome: sent, given up, or due again. A test message is not retried."""
    now = timezone.now()
    values: dict[str, Any] = {
        "status": outcome.status,
        "milliseconds": round(seconds * 1000),
        "error_sentence": outcome.problem.as_json() if outcome.problem else {},
    }
    if outcome.reception is Reception.SENT:
        _end(row, "sent", **values)
        return
    if outcome.reception is Reception.GONE:
        _disable(row.target, outcome.problem)
    again = None
    if outcome.reception is Reception.AGAIN and row.topic != Topic.TEST:
        begun = row.retried_at or row.created_at
        again = next_attempt(begun, now, row.attempts, random.random(), outcome.retry_after)  # noqa: S311
    if again is None:
        _end(row, "failed", **values)
    else:
        Delivery.objects.pending().filter(pk=row.pk, version=row.version).update(due_at=again, **values)


def _end(row: Delivery, state: str, **values: Any) -> None:
    """End a delivery, unless another worker has taken it over."""
    rows = Delivery.objects.pending().filter(pk=row.pk, version=row.version)
    rows.update(state=state, ended_at=timezone.now(), due_at=None, **values)


def _disable(target: NotificationTarget, why: Message | None) -> None:
    """Disable a target that rejects messages, and notify its owner through the other targets."""
    now = timezone.now()
    values = {"enabled": False, "disabled_at": now, "disabled_reason": why.as_json() if why else {}}
    with transaction.atomic():
        if NotificationTarget.objects.filter(pk=target.pk, enabled=True).update(**values):
            others = NotificationTarget.objects.others_of(target)
            key = f"{Topic.TARGET_DISABLED}:{target.pk}:{int(now.timestamp())}"
            payload = {"target": target.name, "message": values["disabled_reason"]}
            outbox.write(others, Topic.TARGET_DISABLED, key, payload, now)


def _send(row: Delivery, now: datetime) -> Outcome:
    if row.target.kind == "mail":
        return email.send(row)
    target, networks = row.target, tuple(settings.SANSO_NOTIFY_ADDRESSES)
    url = decrypt_values(target.sealed_address)["url"]
    if target.kind == "service":
        title, text = messages.plain(row)
        schemes = settings.SANSO_NOTIFY_SCHEMES
        return apprise_url.send(url, title, text, networks=networks, schemes=schemes)
    body = messages.webhook_body(row)
    keys = valid_secrets(decrypt_values(target.sealed_secret), now, target.before_until)
    return post(read_url(url), body, signed_headers(messages.message_id(row), now, body, keys), networks)
