"""The content of notifications, in the language and time zone of their target."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.utils import timezone, translation

from deployments.notifications.models import Delivery, NotificationTarget
from deployments.notifications.texts import notices


@contextmanager
def speaking_to(target: NotificationTarget) -> Iterator[None]:
    """Activate the language and time zone of a target within the context."""
    with translation.override(target.language), timezone.override(target.time_zone):
        yield


def message_id(row: Delivery) -> str:
    """Return the id of a message, the same in each attempt."""
    return f"msg_{row.message_id.hex}"


def plain(row: Delivery) -> tuple[str, str]:
    """Return the title of a message, and its text with the address of the page about it."""
    with speaking_to(row.target):
        lines = notices.lines(row.topic, row.payload)
        return notices.title(row.topic, row.payload), "\n".join(filter(None, [*lines, page_url(row)]))


def webhook_body(row: Delivery) -> bytes:
    """Return the JSON of a webhook: codes and values for programs, title and text for people."""
    with speaking_to(row.target):
        title = notices.title(row.topic, row.payload)
        text = "\n".join([title, *notices.lines(row.topic, row.payload)])
    data = dict(row.payload) | {"title": title, "text": text}
    if url := page_url(row):
        data["url"] = url
    content = {"type": row.topic, "timestamp": row.created_at.isoformat(), "data": data}
    return json.dumps(content, ensure_ascii=False).encode()


def page_url(row: Delivery) -> str:
    """Return the address of the page about a notification; "" if SANSO_URL is not set."""
    if not settings.SANSO_URL:
        return ""
    about = row.deployment or row.environment or row.target
    return f"{settings.SANSO_URL.rstrip('/')}{about.get_absolute_url()}"
