"""Record that an environment's page is open: its sources are polled more often, beginning at once."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from deployments.environments.models.environments import Environment
from deployments.health.models.observing import Observation, Observer

WATCHED = timedelta(seconds=30)
MIN_INTERVAL = timedelta(seconds=10)
"""Minimum interval between two writes of the row, for any number of open pages."""


def watch(environment: Environment) -> bool:
    """Record that the environment is watched. Return whether it was not watched before."""
    now = timezone.now()
    until = environment.watched_until
    if until and until > now + WATCHED - MIN_INTERVAL:
        return False
    is_new = until is None or until < now
    Environment.objects.filter(pk=environment.pk).update(watched_until=now + WATCHED)
    if is_new:
        Environment.objects.observed().filter(pk=environment.pk, due_at__gt=now).update(due_at=now)
        Observation.objects.of(environment).sooner_than(now)
        Observer.objects.filter(account=environment.account_id, due_at__gt=now).update(due_at=now)
    return is_new
