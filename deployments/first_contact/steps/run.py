"""A run: its steps one after the other, and then the clean-up, whatever happened."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from deployments.environments.models.accounts import Account
from deployments.first_contact.models import (
    ACTIVE,
    CLEANING,
    DONE,
    FAILED,
    FINISHED,
    NOT_RUN,
    WAITING,
    ContactRun,
    ContactStep,
)
from deployments.first_contact.rules.answers import Match
from deployments.first_contact.steps import change_set, clean_up, probe, reads, roles
from deployments.first_contact.steps.contact import Contact, StepStopped, TakenOver

log = logging.getLogger(__name__)
STEPS: dict[str, Callable[[Contact], None]] = {
    "reads": reads.take,
    "roles": roles.take,
    "change_set": change_set.take,
    "probe": probe.take,
}
FREE = ("reads", "roles", "change_set")
"""The steps for which AWS charges nothing but the storage of objects for minutes."""
CLEAN_UP = "clean_up"
KEPT = 5
"""Runs of an account that are kept, the newest; the earlier ones have cleaned up."""
SILENT = timedelta(seconds=60)
"""How long the process of a run on another machine may be silent before another one continues the run."""


class Busy(Exception):
    """Raised when another process works on the run of an account."""


def begin(account: Account, names: Collection[str]) -> ContactRun:
    """Create a run. Raise Busy if another one of the account is not finished."""
    try:
        with transaction.atomic():
            run = ContactRun.objects.create(
                account=account,
                active_key=account.pk,
                tag=secrets.token_hex(4),
                process=_this_process(),
                seen_at=timezone.now(),
            )
    except IntegrityError:
        raise Busy from None
    for name in (*(name for name in STEPS if name in names), CLEAN_UP):
        ContactStep.objects.create(run=run, name=name)
    old = list(ContactRun.objects.of(account).values_list("pk", flat=True)[KEPT:])
    ContactRun.objects.filter(pk__in=old).delete()
    return run


def take_over(run: ContactRun) -> ContactRun:
    """Continue a run whose process has ended. Raise Busy while it works."""
    if _is_at_work(run):
        raise Busy
    rows = ContactRun.objects.filter(pk=run.pk, process=run.process)
    if not rows.update(process=_this_process(), seen_at=timezone.now()):
        raise Busy
    run.steps.filter(state=ACTIVE).exclude(name=CLEAN_UP).update(state=FAILED, ended_at=timezone.now())
    run.refresh_from_db()
    return run


def take_steps(run: ContactRun, echo: Callable[[str], None]) -> None:
    """Take the steps of a new run, then clean up. A signal ends the steps, not the clean-up."""
    contact = Contact(run, echo)
    try:
        for step in run.steps.exclude(name=CLEAN_UP):
            _take(contact, step)
    except KeyboardInterrupt:
        echo("Stopped. Cleaning up; press Ctrl-C again to leave that to a later run.")
        ContactRun.objects.filter(pk=run.pk).update(stopped_by="signal")
        run.stopped_by = "signal"
    finish(run, echo)


def finish(run: ContactRun, echo: Callable[[str], None]) -> None:
    """Clean up after a run, and store what is left. Without anything left, the run is finished."""
    run.steps.filter(state__in=(WAITING, ACTIVE)).exclude(name=CLEAN_UP).update(state=NOT_RUN)
    ContactRun.objects.filter(pk=run.pk).update(state=CLEANING)
    contact = Contact(run, echo)
    step = run.steps.get(name=CLEAN_UP)
    step.answers = []
    step.state, step.began_at, step.ended_at = ACTIVE, timezone.now(), None
    step.save()
    contact.step = step
    echo("clean_up")
    found = clean_up.take(contact)
    now = timezone.now()
    _end(step, FAILED if found else DONE)
    run.left = [replace(one, why=contact.without_secrets(one.why)).as_json() for one in found]
    run.state, run.ended_at = FINISHED, now
    run.active_key = run.account_id if any(one.is_certain for one in found) else None
    run.save(update_fields=["left", "state", "ended_at", "active_key"])


def _take(contact: Contact, step: ContactStep) -> None:
    step.state, step.began_at = ACTIVE, timezone.now()
    step.save(update_fields=["state", "began_at"])
    contact.step = step
    contact.echo(step.name)
    state = FAILED
    try:
        STEPS[step.name](contact)
        state = DONE
    except StepStopped:
        contact.echo(f"  {step.name} could not go on; the next step follows.")
    except (TakenOver, DatabaseError):
        raise
    except Exception as exc:
        log.exception("first contact %s: step %s", contact.run.tag, step.name)
        contact.note(step.name, f"{type(exc).__name__}: {exc}", Match.DIFFERENT)
    finally:
        _end(step, state)


def _end(step: ContactStep, state: str) -> None:
    step.state, step.ended_at = state, timezone.now()
    step.save(update_fields=["state", "ended_at"])


def _this_process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{_begun(os.getpid())}"


def _is_at_work(run: ContactRun) -> bool:
    """Return whether the process of a run works: it exists on this machine, or was seen on another."""
    host, _, rest = run.process.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname():
        return timezone.now() - run.seen_at < SILENT
    begun = _begun(int(rest))
    return run.process != _this_process() and bool(begun) and run.process.endswith(f":{begun}")


def _begun(pid: int) -> str:
    """Return when a process began, in ticks since the start of the machine; "" if it does not exist.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
