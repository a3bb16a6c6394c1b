"""The rows of runs: one begins, a process takes it over, and all but the newest are deleted."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from deployments.environments.models.accounts import Account
from deployments.first_contact.models import ACTIVE, FAILED, QUEUED, ContactRun, ContactStep
from deployments.first_contact.rules.answers import ContactAnswer, Match
from deployments.first_contact.rules.step_names import ALL, CLEAN_UP

if TYPE_CHECKING:
    from django.contrib.auth.models import User

KEPT = 5
"""Runs of an account that are kept, the newest; the earlier ones have cleaned up."""


def lease() -> timedelta:
    """Return how long the process of a run may be silent before another one continues the run.

    It reports before each call, whose timeouts are shorter.
    """
    return timedelta(seconds=2 * settings.SANSO_TICK_LEASE)


class Busy(Exception):
    """Raised when another process works on the run of an account."""


def begin(account: Account, names: Collection[str], user: User | None = None) -> ContactRun:
    """Create a run on which this process works. Raise Busy if another one of the account is not finished."""
    now = timezone.now()
    who = user.get_username() if user else ""
    return _created(
        account, names, requested_by=who, process=this_process(), seen_at=now, due_at=now + lease()
    )


def queue(account: Account, names: Collection[str], user: User) -> ContactRun:
    """Create a run that a worker makes. Raise Busy if another one of the account is not finished."""
    now = timezone.now()
    return _created(account, names, state=QUEUED, requested_by=user.get_username(), seen_at=now, due_at=now)


def _created(account: Account, names: Collection[str], **values: Any) -> ContactRun:
    try:
        with transaction.atomic():
            run = ContactRun.objects.create(
                account=account, active_key=account.pk, tag=secrets.token_hex(4), **values
            )
    except IntegrityError:
        raise Busy from None
    for name in (*(name for name in ALL if name in names), CLEAN_UP):
        ContactStep.objects.create(run=run, name=name)
    old = list(ContactRun.objects.of(account).values_list("pk", flat=True)[KEPT:])
    ContactRun.objects.filter(pk__in=old).delete()
    return run


def take_over(run: ContactRun) -> ContactRun:
    """Let this process continue a run whose process has ended. Raise Busy while that works."""
    if _is_at_work(run):
        raise Busy
    rows = ContactRun.objects.filter(pk=run.pk, version=run.version)
    if not rows.update(version=F("version") + 1):
        raise Busy
    run.refresh_from_db()
    hold(run, timezone.now())
    return run


def hold(run: ContactRun, now: datetime, continued: Collection[str] = ()) -> None:
    """Store that this process works on a run that it has taken over, and end the step of the one before.

    Steps of `continued` go on.
    """
    values = {"process": this_process(), "seen_at": now, "due_at": now + lease()}
    ContactRun.objects.filter(pk=run.pk, version=run.version).update(**values)
    for name, value in values.items():
        setattr(run, name, value)
    for step in run.steps.filter(state=ACTIVE).exclude(name__in=(CLEAN_UP, *continued)):
        answer = ContactAnswer(
            question=f"the process of step {step.name}",
            outcome=Match.NO_ANSWER,
            text="ended before the step did; the clean-up deletes what the step created",
        )
        step.answers = [*step.answers, answer.as_json()]
        step.state, step.ended_at = FAILED, now
        step.save(update_fields=["answers", "state", "ended_at"])


def this_process() -> str:
    """Return what distinguishes this process from all others, on this machine and on others."""
    return f"{socket.gethostname()}:{os.getpid()}:{_begun(os.getpid())}"


def _is_at_work(run: ContactRun) -> bool:
    """Return whether the process of a run works: it exists on this machine, or was seen on another."""
    if not run.is_active:
        return False
    host, _, rest = run.process.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname():
        return timezone.now() - run.seen_at < lease()
    begun = _begun(int(rest))
    return run.process != this_process() and bool(begun) and run.process.endswith(f":{begun}")


def _begun(pid: int) -> str:
    """Return when a process began, in ticks since the start of the machine; "" if it does not exist.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
