"""A run that a worker makes, or continues when its process has ended: a message is one step."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.utils import timezone

from deployments.common import stopping
from deployments.common.models import leases
from deployments.first_contact.models import ACTIVE, CLEANING, QUEUED, RUNNING, WAITING, ContactRun
from deployments.first_contact.rules.step_names import CLEAN_UP, CONTINUED
from deployments.first_contact.shared import runs
from deployments.first_contact.steps.contact import Canceled, Contact, TakenOver
from deployments.first_contact.steps.run import Interrupted, finish, take

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Runs at once: each keeps a thread of a worker busy for minutes, and deployments need the others."""
LATER = timedelta(seconds=5)
"""When a run is due again that waits for others, or whose step failed."""


def run_contact(pk: int, version: int) -> bool:
    """Take the next step of a run, or clean up after it. Return False if the message is stale or a duplicate.

    This takes minutes, in which the run is not due: the step keeps its lease.
    """
    rows, now = ContactRun.objects.active(), timezone.now()
    if not leases.begin_step(rows, pk, version):
        return False
    run = rows.filter(pk=pk, version=version + 1).first()
    if run is None:
        return False  # taken over between the two statements
    if run.state == QUEUED and ContactRun.objects.at_work(now).count() >= AT_ONCE:
        _due(run, now + LATER)
        return True
    runs.hold(run, now, continued=CONTINUED)
    try:
        _continue(Contact(run, lambda _line: None, _refuse_to_stop))
    except (TakenOver, Canceled):
        pass  # another process works on it; or it is due for its clean-up
    except Interrupted:
        log.info("first contact %s is left to another worker", run.tag)
    except DatabaseError:
        raise
    except Exception:
        log.exception("first contact %s", run.tag)
        _due(run, timezone.now() + LATER)
        return True
    _due(run, timezone.now())
    return True


def _continue(contact: Contact) -> None:
    run = contact.run
    step = run.steps.filter(state__in=(ACTIVE, WAITING)).exclude(name=CLEAN_UP).first()
    if run.state == CLEANING or run.stopped_by or step is None:
        finish(contact)
        return
    ContactRun.objects.filter(pk=run.pk, version=run.version).update(state=RUNNING)
    take(contact, step)


def _due(run: ContactRun, at: datetime) -> None:
    """Let a worker continue a run, unless it has finished or another process has taken it over."""
    ContactRun.objects.active().filter(pk=run.pk, version=run.version).update(due_at=at)


def _refuse_to_stop() -> None:
    if stopping.is_stopping():
        raise Interrupted
