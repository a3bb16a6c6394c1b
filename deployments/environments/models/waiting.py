"""The first change in the queue of an environment, made due at once."""

from __future__ import annotations

from django.utils import timezone

from deployments.environments.models.deployments import Deployment


def wake(environment_pk: int) -> None:
    """Make the first change in the queue of an environment due now: the place may be free."""
    first = Deployment.objects.queue_of(environment_pk).first()
    if first is not None:
        Deployment.objects.filter(pk=first.pk, version=first.version).update(due_at=timezone.now())
