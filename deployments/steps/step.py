"""One step of a due row: claim it, take the step, set when the next one is due. Errors are stored here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from deployments.access.models.audit_records import AuditRecord
from deployments.aws import session
from deployments.aws.account_ref import AccountRef
from deployments.aws.redacted import redacted
from deployments.aws.session import Clients
from deployments.call_logs.shared import keep
from deployments.changes.shared import approvals
from deployments.changes.steps import creation, execution, preview, scheduled
from deployments.common.errors import (
    AwsAccessError,
    AwsFailure,
    AwsNotFound,
    AwsRetryable,
    LostClaim,
    Message,
    QuotaExhausted,
    UserFixable,
)
from deployments.common.message_codes import Code
from deployments.common.models import leases
from deployments.common.rules.aws_error_codes import denied_action, is_denied, is_throttling
from deployments.common.rules.stored_messages import read_message
from deployments.environments.models import waiting
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules import phases
from deployments.environments.rules.intervals import ACCESS_RETRY_DELAY, retry_delay
from deployments.environments.rules.outcome import SANDBOX_RESTARTED
from deployments.environments.rules.phases import AFTER_STACKS, BEFORE_STACKS, Kind, State
from deployments.failures.shared import notices
from deployments.health.steps import observe
from deployments.notifications.shared import outbox
from deployments.recovery.steps import adopt_drift, cancel, delete, remaining, rollbacks
from deployments.stacks.shared import event_log, forecast, incarnation, redactors
from deployments.stacks.steps import progress
from deployments.steps import (
    action_requests,
    observe_stack,
    protect,
    readiness,
    server_release,
    stack_poller,
)

log = logging.getLogger(__name__)

Connect = Callable[[AccountRef], Clients]
REPORT_AFTER = 3
"""Failures are reported after this many failed steps in a row, not for a single throttled call."""
GIVE_UP_AFTER = 8
"""A deployment that has created nothing in AWS fails after this many internal errors in a row."""


def run_deployment(pk: int, version: int, connect: Connect = session.connect) -> bool:
    """Take one step of a deployment. Return False if the message is stale or a duplicate.

    Database errors are raised: when the lease ends, the row is due again.
    """
    if not leases.begin_step(Deployment.objects.active(), pk, version):
        return False
    deployment = Deployment.objects.for_page().get(pk=pk)
    if deployment.version != version + 1:
        return False  # taken over between the two statements
    now = timezone.now()
    try:
        with bound_contextvars(**_ids_of(deployment)), keep.kept(deployment):
            is_first = deployment.ticked_at is None
            deployment.record(ticked_at=now)
            _update_facts(deployment, is_first=is_first)
            delay = _guarded_step(deployment, connect, now)
    except LostClaim:
        return False
    if delay is not None:
        leases.end_step(deployment, deployment.version, timezone.now() + timedelta(seconds=delay))
    return True


def _update_facts(deployment: Deployment, *, is_first: bool) -> None:
    """Store what the sandbox reports about itself, and forecast a creation again by another time scale.

    The first step forecasts in any case: another step or an observer may have stored the scale meanwhile.
    """
    account = deployment.environment.account
    scale = account.timings.scale
    incarnation.update_facts(account)
    is_new = deployment.kind == Kind.CREATE and deployment.state in BEFORE_STACKS
    if is_new and (is_first or account.timings.scale != scale):
        forecast.at_request(deployment)


def _ids_of(deployment: Deployment) -> dict[str, int | str]:
    """Return the ids for each log line about a step, including that of the request that caused it."""
    environment = deployment.environment
    ids = {"deployment": deployment.pk, "environment": environment.pk, "account": environment.account_id}
    request_id = AuditRecord.objects.request_of(deployment.pk)
    return ids | ({"request_id": request_id} if request_id else {})


def _guarded_step(deployment: Deployment, connect: Connect, now: datetime) -> float | None:
    clients: Clients | None = None
    try:
        clients = redacted(connect(deployment.environment.account.ref()), redactors.of_deployment(deployment))
        delay = None if _has_stopped(deployment, clients) else _step(deployment, clients, now)
    except (LostClaim, DatabaseError):
        raise
    except UserFixable as exc:
        return _fail(deployment, clients, exc.code, exc.message)
    except QuotaExhausted as exc:
        return exc.seconds  # not a failure: the API quota is used up for the moment
    except AwsFailure as exc:
        return _aws_failure(deployment, clients, exc)
    except Exception:
        log.exception("deployment %s: a step failed", deployment.pk)
        return _internal_error(deployment, clients)
    _clear(deployment)
    progress.advance(deployment)
    return delay


def _step(deployment: Deployment, clients: Clients, now: datetime) -> float | None:
    state = State(deployment.state)
    if state in _BEGUN:
        return _BEGUN[state](deployment, clients, now)
    if deployment.operation == phases.ADOPT_DRIFT:
        adopt_drift.adopt_drift(deployment, clients)
        return None
    is_change = preview.is_before_stacks(deployment)
    if (is_change or state in _WAITS) and preview.is_canceled(deployment):
        preview.end_canceled(deployment, clients)
        return None
    if state in _WAITS:
        return _WAITS[state](deployment, now)
    if is_change:
        return _OF_CHANGE[state](deployment, clients)
    if deployment.kind in _FIRST:
        try:
            return _FIRST[Kind(deployment.kind)](deployment, clients)
        except AwsNotFound:
            if deployment.kind == Kind.ROLLBACK:
                raise
            if deployment.kind == Kind.DELETE:
                stack_poller.nothing_to_delete(deployment)
            else:
                stack_poller.finish_without_stack(deployment)
            return None
    return _OF_CREATION[state](deployment, clients)


def _wait_until_ready(deployment: Deployment, clients: Clients, now: datetime) -> float | None:
    stack_poller.catch_up(deployment, clients, now)
    return readiness.wait(deployment, clients, now)


_BEGUN: dict[State, Callable[[Deployment, Clients, datetime], float | None]] = {
    State.SERVERS: server_release.wait,
    State.STACKS: stack_poller.poll,
    **dict.fromkeys(AFTER_STACKS, _wait_until_ready),
    State.PROTECT: protect.wait,
}
"""The step of each state in which something in AWS may have changed."""


_WAITS: dict[State, Callable[[Deployment, datetime], float]] = {
    State.PREVIEW: preview.wait,
    State.APPROVAL: approvals.wait,
    State.SCHEDULED: scheduled.wait,
}
"""The step of each state that waits for an operator, an approver or a time."""
_OF_CHANGE: dict[State, Callable[[Deployment, Clients], float | None]] = {
    State.PREFLIGHT: creation.check,
    State.ARTIFACTS: creation.upload,
    State.CHANGE_SET: preview.create_change_set,
    State.QUEUED: execution.begin,
    State.SNAPSHOT: execution.begin,
}
_OF_CREATION: dict[State, Callable[[Deployment, Clients], float | None]] = {
    State.PREFLIGHT: creation.check,
    State.ARTIFACTS: creation.upload,
    State.CHANGE_SET: creation.create_change_set,
    State.QUEUED: scheduled.begin,
}
_FIRST: dict[Kind, Callable[[Deployment, Clients], float | None]] = {
    Kind.DELETE: delete.check,
    Kind.ROLLBACK: rollbacks.check_continuation,
    Kind.ROLLBACK_UPDATE: rollbacks.check_rollback,
    Kind.ROLLBACK_CREATION: rollbacks.check_rollback,
}
"""The first step of the kinds that have nothing to prepare."""


def _has_stopped(deployment: Deployment, clients: Clients) -> bool:
    """End a canceled deployment before or after its stacks. Return whether it ended."""
    state = State(deployment.state)
    if not deployment.is_cancel_pending or state in (State.SERVERS, State.STACKS):
        return False
    if state not in BEFORE_STACKS:
        return cancel.stop_waiting(deployment)
    if deployment.kind == Kind.CREATE:
        cancel.end_creation(deployment, clients)
        return True
    return False  # a change ends with its change set: see change.end_canceled


def _aws_failure(deployment: Deployment, clients: Clients | None, exc: AwsFailure) -> float | None:
    started = State(deployment.state) not in BEFORE_STACKS
    log.warning(
        "deployment %s: %s %s (request %s)",
        deployment.pk,
        exc.operation,
        exc.code,
        exc.request_id or "without id",
        extra={"aws_operation": exc.operation, "aws_code": exc.code, "aws_request_id": exc.request_id},
    )
    if isinstance(exc, AwsRetryable):
        failures = deployment.failures + 1
        deployment.record(failures=failures)
        if failures >= REPORT_AFTER:
            values = {"action": exc.operation, "code": exc.code}
            _report(deployment, exc.code, Message(Code.AWS_RETRYING, values, exc.request_id))
        return retry_delay(failures, throttled=is_throttling(exc.code))
    if started:
        # CloudFormation continues meanwhile; access may be granted later.
        _report(deployment, exc.code, _error_text(exc))
        return ACCESS_RETRY_DELAY
    return _fail(deployment, clients, exc.code, _error_text(exc))


def _error_text(exc: AwsFailure) -> Message:
    """Return the message of an error that needs an operator."""
    action = denied_action(exc.code, exc.message, exc.operation)
    values = {"action": action, "code": exc.code, "aws": exc.message}
    if not isinstance(exc, AwsAccessError):
        return Message(Code.AWS_ERROR, values, exc.request_id)
    if exc.code in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "NoRegionError"):
        return Message(Code.NO_CREDENTIALS)
    if is_denied(exc.code):
        return Message(Code.AWS_DENIED, values, exc.request_id)
    return Message(Code.AWS_CREDENTIALS_INVALID, values, exc.request_id)


def _internal_error(deployment: Deployment, clients: Clients | None) -> float | None:
    failures = deployment.failures + 1
    deployment.record(failures=failures)
    message = Message(Code.UNEXPECTED_ERROR_IN_LOG)
    if failures >= GIVE_UP_AFTER and State(deployment.state) in BEFORE_STACKS:
        return _fail(deployment, clients, "InternalError", message)
    if failures >= REPORT_AFTER:
        _report(deployment, "InternalError", message)
    return retry_delay(failures, throttled=False)


def _fail(deployment: Deployment, clients: Clients | None, code: str, message: Message) -> float | None:
    """End a deployment that has created nothing in AWS yet, with a message about what to do.

    Return None: no further step is needed.
    """
    if deployment.kind != Kind.DELETE and incarnation.was_restarted(deployment.environment):
        code, message = SANDBOX_RESTARTED, Message(Code.SANDBOX_RESTARTED)
    elif deployment.kind == Kind.UPDATE and clients is not None:
        preview.clean_up_unexecuted(deployment, clients)
    elif deployment.state == State.CHANGE_SET and clients is not None:
        creation.clean_up_unexecuted(deployment, clients)
    with transaction.atomic():
        deployment.move_to(State.FAILED, error_code=code, error_sentence=message.as_json())
        event_log.add(deployment, "ended", state="failed", code=code, message=message.as_json())
        if deployment.artifact_prefix and deployment.kind != Kind.UPDATE:  # something may have been uploaded
            remaining.request_search(deployment)
        notices.deployment_ended(deployment, timezone.now())
    waiting.wake(deployment.environment_id)
    return None


def _report(deployment: Deployment, code: str, message: Message) -> None:
    """Store and log what blocks the deployment; not again if only the request id differs."""
    known = read_message(deployment.attention_sentence)
    if deployment.attention_code == code and known and known.params == message.params:
        return
    stored = message.as_json()
    with transaction.atomic():
        deployment.record(attention_code=code, attention="", attention_sentence=stored)
        event_log.add(deployment, "attention", key=str(deployment.version), code=code, message=stored)


def _clear(deployment: Deployment) -> None:
    """Clear the reported problem and the count of failures after a successful step."""
    if not deployment.is_active or not (deployment.failures or deployment.attention_code):
        return
    reported = deployment.attention_code
    with transaction.atomic():
        deployment.record(failures=0, attention="", attention_code="", attention_sentence={})
        if reported:
            event_log.add(deployment, "attention.over", key=str(deployment.version))


def run_environment(pk: int, version: int, connect: Connect = session.connect) -> bool:
    """Observe the stack of an environment between deployments. Return False if the message is stale."""
    return observe_stack.observe_stack(pk, version, connect)


def run_observer(pk: int, version: int, connect: Connect = session.connect) -> bool:
    """Poll one source of an account. Return False if the message is stale."""
    return observe.run_observer(pk, version, connect)


def run_action_request(pk: int, version: int, connect: Connect = session.connect) -> bool:
    """Take one step of an action request. Return False if the message is stale."""
    return action_requests.run_action_request(pk, version, connect)


def tidy() -> int:
    """Delete old rows of the health history, the outbox and the AWS call logs, one batch of each.

    Return the number of deleted rows.
    """
    now = timezone.now()
    return observe.prune(now) + outbox.prune(now) + keep.prune(now)
