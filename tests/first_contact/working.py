"""Steps of a first contact as the dispatcher and a worker take them."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from deployments.common.models import leases
from deployments.first_contact.models import FINISHED, ContactRun
from deployments.first_contact.steps import by_worker


def take_step(run: ContactRun) -> ContactRun:
    """Take one step as the dispatcher and a worker do, also after the lease of a dead one has ended."""
    rows = ContactRun.objects.active().filter(pk=run.pk)
    later = timezone.now() + timedelta(hours=1)
    for pk, version in list(leases.claim_due(rows, later, timedelta(seconds=30))):
        by_worker.run_contact(pk, version)
    return ContactRun.objects.get(pk=run.pk)


def take_all(run: ContactRun) -> ContactRun:
    for _ in range(20):
        run = take_step(run)
        if run.state == FINISHED:
            return run
    raise AssertionError("the run does not finish")


def states(run: ContactRun) -> dict[str, str]:
    return dict(run.steps.values_list("name", "state"))
