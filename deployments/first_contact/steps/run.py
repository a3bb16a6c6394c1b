"""A run: its steps one after the other, and then the clean-up, whatever happened."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from django.db import DatabaseError
from django.utils import timezone

from deployments.cloudformation.remaining import Billing
from deployments.first_contact.models import (
    ACTIVE,
    BY_SIGNAL,
    CANCELED,
    CLEANING,
    DONE,
    FAILED,
    FINISHED,
    NOT_RUN,
    WAITING,
    ContactRun,
    ContactStep,
)
from deployments.first_contact.rules.answers import TAG, Left, Match
from deployments.first_contact.rules.step_names import (
    CHANGE_SET,
    CLEAN_UP,
    DATABASE,
    ENVIRONMENT,
    PROBE,
    READS,
    ROLES,
    STRICT,
)
from deployments.first_contact.steps import (
    change_set,
    clean_up,
    database,
    environment,
    probe,
    reads,
    roles,
    strict,
)
from deployments.first_contact.steps.contact import Canceled, Contact, StepStopped, TakenOver

log = logging.getLogger(__name__)
_TAKE: dict[str, Callable[[Contact], None]] = {
    READS: reads.take,
    ROLES: roles.take,
    STRICT: strict.take,
    CHANGE_SET: change_set.take,
    PROBE: probe.take,
    DATABASE: database.take,
    ENVIRONMENT: environment.take,
}


class Interrupted(Exception):
    """Raised when this process ends: another one continues the run."""


def take_steps(contact: Contact) -> None:
    """Take the steps of a new run, then clean up. A signal ends the steps, not the clean-up."""
    run = contact.run
    try:
        for step in run.steps.exclude(name=CLEAN_UP):
            take(contact, step)
    except KeyboardInterrupt:
        contact.echo("Stopped. Cleaning up; press Ctrl-C again to leave that to a later run.")
        ContactRun.objects.filter(pk=run.pk).update(stopped_by=BY_SIGNAL)
    except Canceled:
        contact.echo("Canceled. Cleaning up.")
    finish(contact)


def finish(contact: Contact) -> None:
    """Clean up after a run, and store what is left. Without anything left, the run is finished."""
    run, contact.can_be_canceled = contact.run, False
    run.steps.filter(state__in=(WAITING, ACTIVE)).exclude(name=CLEAN_UP).update(state=NOT_RUN)
    ContactRun.objects.filter(pk=run.pk, version=run.version).update(state=CLEANING)
    step = run.steps.get(name=CLEAN_UP)
    step.answers = []
    step.state, step.began_at, step.ended_at = ACTIVE, timezone.now(), None
    step.save()
    contact.step = step
    contact.echo(CLEAN_UP)
    found = _cleaned(contact)
    now = timezone.now()
    _end(step, FAILED if found else DONE)
    ContactRun.objects.filter(pk=run.pk, version=run.version).update(
        left=[replace(one, why=contact.without_secrets(one.why)).as_json() for one in found],
        state=FINISHED,
        ended_at=now,
        due_at=None,
        active_key=run.account_id if any(one.is_certain for one in found) else None,
    )
    run.refresh_from_db()


def _cleaned(contact: Contact) -> list[Left]:
    """Clean up, and return what is left; after an error of Sanso itself, that it is unknown."""
    try:
        return clean_up.take(contact)
    except (TakenOver, Interrupted, DatabaseError):
        raise
    except Exception as exc:
        log.exception("first contact %s: the clean-up", contact.run.tag)
        why = f"the clean-up failed: {type(exc).__name__}: {exc}"
        contact.note(CLEAN_UP, why, Match.DIFFERENT)
        return [Left(type="?", id=f"{TAG}={contact.run.tag}", billing=str(Billing.UNKNOWN), why=why)]


def take(contact: Contact, step: ContactStep) -> None:
    """Take one step, whatever AWS answers. Raise TakenOver, Interrupted or Canceled."""
    step.state, step.began_at = ACTIVE, step.began_at or timezone.now()
    step.save(update_fields=["state", "began_at"])
    contact.step = step
    contact.echo(step.name)
    state = FAILED
    try:
        _TAKE[step.name](contact)
        state = DONE
    except StepStopped:
        contact.echo(f"  {step.name} could not go on; the next step follows.")
    except (Canceled, KeyboardInterrupt):
        _end(step, CANCELED)
        raise
    except (TakenOver, Interrupted, DatabaseError):
        raise  # the process that continues the run ends the step
    except Exception as exc:
        log.exception("first contact %s: step %s", contact.run.tag, step.name)
        contact.note(step.name, f"{type(exc).__name__}: {exc}", Match.DIFFERENT)
    _end(step, state)


def _end(step: ContactStep, state: str) -> None:
    step.state, step.ended_at = state, timezone.now()
    step.save(update_fields=["state", "ended_at"])
