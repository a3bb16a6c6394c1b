"""Somebody looks at an environment: its facts are asked for more often, and the next ones at once."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from deployments.models import Environment
from deployments.models.health import Observation, Observer

WATCHED = timedelta(seconds=30)
AGAIN = timedelta(seconds=10)
"""The row is written at most this often, however many people look and however often their pages ask."""


def watch(environment: Environment) -> bool:
    """Say that the environment is looked at. Return whether that was news."""
    now = timezone.now()
    until = environment.watched_until
    if until and until > now + WATCHED - AGAIN:
        return False
    is_news = until is None or until < now
    Environment.objects.filter(pk=environment.pk).update(watched_until=now + WATCHED)
    if is_news:
        Observation.objects.of(environment).sooner_than(now)
        Observer.objects.filter(account=environment.account_id, due_at__gt=now).update(due_at=now)
    return is_news
