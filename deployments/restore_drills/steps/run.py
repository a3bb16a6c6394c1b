"""One step of a drill: its stack is created, observed and deleted, each by what AWS says of it now.

A step may be repeated at any point: the name of the stack is the drill's, so that a later step finds what an
earlier one has begun. However a drill ends, its stack is deleted, and it is finished only when that is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.db import DatabaseError, transaction
from django.utils import timezone

from deployments.aws import session
from deployments.aws.account_ref import AccountRef
from deployments.aws.redacted import redacted
from deployments.aws.session import Clients
from deployments.common.errors import AwsFailure, AwsRetryable, Message, QuotaExhausted
from deployments.common.message_codes import Code
from deployments.common.models import leases
from deployments.environments.rules.intervals import retry_delay
from deployments.health.rules.problems import problem_message
from deployments.restore_drills.models import (
    CHECKING,
    CREATING,
    DELETING,
    FAILED,
    QUEUED,
    RestoreDrill,
)
from deployments.restore_drills.steps import copies, stack
from deployments.restore_drills.steps.outcome import DrillFailed, DrillProgress
from deployments.restore_drills.steps.results import report_result
from deployments.stacks.shared import redactors

log = logging.getLogger(__name__)

LONGEST_HOURS: Final = 12
"""After this many hours without an available copy the drill has failed."""
TRIES: Final = 6
"""Unexpected errors in a row after which it has failed."""
DENIED_DELAY: Final = 60.0
"""Seconds until a deletion is tried again that AWS refused."""

Connect = Callable[[AccountRef], Clients]
_STEPS: Final[dict[str, Callable[[RestoreDrill, Clients], DrillProgress]]] = {
    QUEUED: copies.choose,
    CREATING: stack.create,
    CHECKING: copies.check,
    DELETING: stack.delete,
}


def run_drill(pk: int, version: int, connect: Connect = session.connect) -> bool:
    """Take one step of a drill. Return False if the message is stale or a duplicate."""
    rows = RestoreDrill.objects.active()
    if not leases.begin_step(rows, pk, version):
        return False
    drill = rows.filter(pk=pk, version=version + 1).first()
    if drill is None:
        return False  # taken over between the two statements
    environment = drill.environment
    try:
        clients = redacted(connect(environment.account.ref()), redactors.of_environment(environment))
        outcome = _STEPS[drill.state](drill, clients)
    except DatabaseError:
        raise
    except QuotaExhausted as exc:
        _keep(drill, DrillProgress(after=exc.seconds))
    except DrillFailed as exc:
        _keep(drill, _failure(exc.message))
    except AwsRetryable as exc:
        _keep(drill, _again(drill, problem_message(exc)))
    except AwsFailure as exc:
        _keep(drill, _refused(drill, problem_message(exc)))
    except Exception:
        log.exception("a step of the restore drill %s failed", drill.pk)
        gives_up = drill.failures + 1 >= TRIES and drill.state != DELETING
        message = Message(Code.UNEXPECTED_ERROR)
        _keep(drill, _failure(message) if gives_up else _again(drill, message))
    else:
        values = outcome.values if "failures" in outcome.values else {**outcome.values, "failures": 0}
        _keep(drill, DrillProgress(after=outcome.after, values=values))
    return True


def _failure(message: Message) -> DrillProgress:
    """Return the end of the check: what exists of the copy is deleted."""
    values = {"state": DELETING, "result": FAILED, "sentence": message.as_json(), "failures": 0}
    return DrillProgress(after=0.0, values=values)


def _again(drill: RestoreDrill, message: Message) -> DrillProgress:
    failures = drill.failures + 1
    reported = {"attention": message.as_json()} if failures >= TRIES else {}
    return DrillProgress(retry_delay(failures, throttled=False), {"failures": failures, **reported})


def _refused(drill: RestoreDrill, message: Message) -> DrillProgress:
    """Return what follows a call that AWS refused. The deletion is never given up."""
    if drill.state != DELETING:
        return _failure(message)
    return DrillProgress(DENIED_DELAY, {"attention": message.as_json()})


def _keep(drill: RestoreDrill, outcome: DrillProgress) -> None:
    """Store the outcome of a step, unless another one has taken the drill over."""
    now = timezone.now()
    values: dict[str, Any] = dict(outcome.values)
    state = values.get("state", drill.state)
    if state in (QUEUED, CREATING, CHECKING) and now - drill.began_at > timedelta(hours=LONGEST_HOURS):
        values |= _failure(Message(Code.DRILL_TIMED_OUT, {"hours": str(LONGEST_HOURS)})).values
    due_at = None if outcome.after is None else now + timedelta(seconds=outcome.after)
    with transaction.atomic():
        rows = RestoreDrill.objects.filter(pk=drill.pk, version=drill.version)
        if rows.update(**values, due_at=due_at) and values.get("result"):
            report_result(drill.pk, now)
