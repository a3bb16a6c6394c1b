"""What a person asked for on an environment's page, one step at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.utils import timezone

from deployments.aws.account_ref import AccountRef
from deployments.aws.redacted import redacted
from deployments.aws.session import Clients
from deployments.core.health.aws_statuses import RUN_FAILED, RUN_SKIPPED
from deployments.core.intervals import retry_delay
from deployments.errors import AwsFailure, AwsNotFound, AwsRetryable, Message, QuotaExhausted
from deployments.message_codes import Code
from deployments.models import ActionRequest, AssociationRun, Observation, Observer, leases
from deployments.runner import redactors, site_check
from deployments.runner.observe.problems import problem_message

log = logging.getLogger(__name__)

TRIES = 6
"""Steps in a row that may fail before the wish is given up."""
SLACK = timedelta(seconds=5)
"""How far AWS's clock may be behind ours."""

Step = Callable[[ActionRequest, Clients], "dict[str, object]"]


def run_operation(pk: int, version: int, connect: Callable[[AccountRef], Clients]) -> bool:
    """Carry out what was asked for. False when the message was stale or doubled."""
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
    except QuotaExhausted as exc:
        leases.end_step(row, row.version, now + timedelta(seconds=exc.seconds))
    except AwsRetryable as exc:
        _again(row, problem_message(exc), now)
    except AwsFailure as exc:
        _end(row, "failed", {"sentence": problem_message(exc).as_json()})
    except Exception:
        log.exception("operation %s failed", row.pk)
        _again(row, Message(Code.UNEXPECTED_ERROR), now)
    else:
        _end(row, "done", result)
    return True


def _again(row: ActionRequest, sentence: Message, now: datetime) -> None:
    failures = row.failures + 1
    if failures >= TRIES:
        _end(row, "failed", {"sentence": sentence.as_json()})
        return
    ActionRequest.objects.filter(pk=row.pk, version=row.version).update(failures=failures)
    leases.end_step(row, row.version, now + timedelta(seconds=retry_delay(failures, throttled=False)))


def _end(row: ActionRequest, state: str, result: dict[str, object]) -> None:
    ActionRequest.objects.filter(pk=row.pk, version=row.version).update(
        state=state, result=row.result | result, active_key=None, ended_at=timezone.now(), due_at=None
    )


def _begin(row: ActionRequest) -> datetime:
    """Mark the wish as begun, and return when it was begun first: a step that was killed comes back."""
    if row.state == "waiting":
        row.state = "running"
        row.result = {"begun_at": timezone.now().isoformat()}
        ActionRequest.objects.filter(pk=row.pk, version=row.version).update(
            state=row.state, result=row.result
        )
    return datetime.fromisoformat(str(row.result["begun_at"]))


def _run_association(row: ActionRequest, clients: Clients) -> dict[str, object]:
    """Run an association again. One that was set off before a kill is not set off twice."""
    again = row.state == "running"
    begun = _begin(row)
    association_id = str(row.arguments["association_id"])
    if row.arguments.get("only_failed"):
        # An instance at which the association runs already is left alone by its agent: safe to repeat.
        ids = [str(instance_id) for instance_id in row.arguments["instance_ids"]]
        clients.ssm.start_association_on(association_id, ids)
        sentence = Message(Code.RUN_REQUESTED_ON_SOME, {"count": str(len(ids))})
    else:
        if not (again and _ran_since(clients, association_id, begun)):
            clients.ssm.start_associations_once([association_id])
        sentence = Message(Code.RUN_REQUESTED_ON_ALL)
    poll_soon(row, "associations")
    return {"sentence": sentence.as_json()}


def _ran_since(clients: Clients, association_id: str, begun: datetime) -> bool:
    try:
        newest = clients.ssm.executions(association_id, 1)
    except AwsNotFound:
        return False
    return bool(newest) and newest[0].created_at >= begun - SLACK


def _save_time(row: ActionRequest, _clients: Clients) -> dict[str, object]:
    _begin(row)
    made = site_check.run_site_check(row.environment, row.asked_by)
    return {
        "sentence": made.sentence,
        "wrote": made.wrote,
        "read": made.read,
        "milliseconds": made.milliseconds,
        "probe": made.pk,
    }


def poll_soon(row: ActionRequest, source: str) -> None:
    """Let a source be asked at once: something was set off whose outcome is wanted."""
    now = timezone.now()
    Observation.objects.of(row.environment).filter(source=source, due_at__gt=now).update(due_at=now)
    observers = Observer.objects.filter(account=row.environment.account_id, source=source)
    observers.filter(due_at__gt=now).update(due_at=now)


def failed_instances(association_pk: int) -> list[str]:
    """Return the instances on which the association's last run failed, or which it therefore left out."""
    runs = AssociationRun.objects.filter(association=association_pk).newest_of_each()
    undone = runs.filter(status__in=RUN_FAILED | RUN_SKIPPED)
    return list(undone.order_by("instance_id").values_list("instance_id", flat=True))


_STEPS: dict[str, Step] = {"run_association": _run_association, "save_time": _save_time}
