"""Requests from an environment's page (association runs, site checks, snapshots), one step at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.utils import timezone

from deployments.aws.account_ref import AccountRef
from deployments.aws.redacted import redacted
from deployments.aws.session import Clients
from deployments.common.errors import AwsFailure, AwsNotFound, AwsRetryable, Message, QuotaExhausted
from deployments.common.message_codes import Code
from deployments.common.models import leases
from deployments.environments.models.environments import Environment
from deployments.environments.rules.intervals import retry_delay
from deployments.failures.steps import trail
from deployments.health.models.observing import poll_soon
from deployments.health.rules.problems import problem_message
from deployments.health.steps import site_check, take_snapshot
from deployments.health.steps.own_targets import own_targets
from deployments.recovery.steps import remaining
from deployments.stacks.models.action_requests import ActionFailed, ActionRequest, ContinueLater
from deployments.stacks.shared import redactors
from deployments.steps import protect

log = logging.getLogger(__name__)

TRIES = 6
"""The request fails after this many failed steps in a row."""
CLOCK_SKEW = timedelta(seconds=5)
"""AWS's clock may be this much behind ours."""

Step = Callable[[ActionRequest, Clients], "dict[str, object]"]


def run_action_request(pk: int, version: int, connect: Callable[[AccountRef], Clients]) -> bool:
    """Take one step of a request. Return False if the message is stale or a duplicate."""
    if not leases.begin_step(ActionRequest.objects.active(), pk, version):
        return False
    row = ActionRequest.objects.select_related("environment__account", "environment__latest", "asked_by").get(
        pk=pk
    )
    if row.version != version + 1:
        return False  # taken over between the two statements
    now = timezone.now()
    try:
        clients = redacted(connect(row.environment.account.ref()), redactors.of_environment(row.environment))
        result = _STEPS[row.kind](row, clients)
    except DatabaseError:
        raise
    except (QuotaExhausted, ContinueLater) as exc:
        _continue(row, exc, now)
    except ActionFailed as exc:
        _end(row, "failed", {"sentence": exc.message.as_json()})
    except AwsRetryable as exc:
        _again(row, problem_message(exc), now)
    except AwsFailure as exc:
        _end(row, "failed", {"sentence": problem_message(exc).as_json()})
    except Exception:
        log.exception("action request %s failed", row.pk)
        _again(row, Message(Code.UNEXPECTED_ERROR), now)
    else:
        _end(row, "done", result)
    return True


def _continue(row: ActionRequest, later: QuotaExhausted | ContinueLater, now: datetime) -> None:
    if row.failures and isinstance(later, ContinueLater):  # the step succeeded
        ActionRequest.objects.filter(pk=row.pk, version=row.version).update(failures=0)
    leases.end_step(row, row.version, now + timedelta(seconds=later.seconds))


def _again(row: ActionRequest, sentence: Message, now: datetime) -> None:
    failures = row.failures + 1
    if failures >= TRIES:
        if row.kind == "search_remaining":
            remaining.abandon(row, sentence)
        _end(row, "failed", {"sentence": sentence.as_json()})
        return
    ActionRequest.objects.filter(pk=row.pk, version=row.version).update(failures=failures)
    leases.end_step(row, row.version, now + timedelta(seconds=retry_delay(failures, throttled=False)))


def _end(row: ActionRequest, state: str, result: dict[str, object]) -> None:
    ActionRequest.objects.filter(pk=row.pk, version=row.version).update(
        state=state, result=row.result | result, active_key=None, ended_at=timezone.now(), due_at=None
    )
    if row.kind == "protect":  # it updates the stack: the next observation stores the new state
        Environment.objects.filter(pk=row.environment_id).update(known_stack={})


def _begin(row: ActionRequest) -> datetime:
    """Mark the request as running, and return when it began; after a crash, when the first step began."""
    if row.state == "waiting":
        row.state = "running"
        row.result = {"begun_at": timezone.now().isoformat()}
        ActionRequest.objects.filter(pk=row.pk, version=row.version).update(
            state=row.state, result=row.result
        )
    return datetime.fromisoformat(str(row.result["begun_at"]))


def _run_association(row: ActionRequest, clients: Clients) -> dict[str, object]:
    """Run an association on servers of the environment only: its tags may match others' servers, too.

    One that was started before a crash is not started again.
    """
    again = row.state == "running"
    begun = _begin(row)
    association_id = str(row.arguments["association_id"])
    ids: list[str] | None
    if row.arguments.get("only_failed"):
        ids = [str(instance_id) for instance_id in row.arguments["instance_ids"]]
    else:
        ids = own_targets(row.environment, association_id, clients)
    if ids is not None:
        if not ids:
            raise ActionFailed(Message(Code.NO_OWN_TARGETS))
        # Safe to repeat: the agent ignores it on an instance where the association is running.
        clients.ssm.start_association_on(association_id, ids)
        sentence = Message(Code.RUN_REQUESTED_ON_SOME, {"count": str(len(ids))})
    else:
        if not (again and _ran_since(clients, association_id, begun)):
            clients.ssm.start_associations_once([association_id])
        sentence = Message(Code.RUN_REQUESTED_ON_ALL)
    poll_soon(row.environment, "associations", timezone.now())
    return {"sentence": sentence.as_json()}


def _ran_since(clients: Clients, association_id: str, begun: datetime) -> bool:
    try:
        newest = clients.ssm.executions(association_id, 1)
    except AwsNotFound:
        return False
    return bool(newest) and newest[0].created_at >= begun - CLOCK_SKEW


def _run_site_check(row: ActionRequest, _clients: Clients) -> dict[str, object]:
    _begin(row)
    probe = site_check.run_site_check(row.environment, row.asked_by)
    return {
        "sentence": probe.sentence,
        "wrote": probe.wrote,
        "read": probe.read,
        "milliseconds": probe.milliseconds,
        "probe": probe.pk,
    }


_STEPS: dict[str, Step] = {
    "run_association": _run_association,
    "save_time": _run_site_check,
    "protect": protect.protect_again,
    "take_snapshot": take_snapshot.take,
    "search_remaining": remaining.search,
    "delete_remaining": remaining.delete_found,
    trail.SEARCH_TRAIL: trail.sweep,
}
