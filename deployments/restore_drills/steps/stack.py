"""The stack of a drill: created by a change set, and deleted until CloudFormation says that it is gone."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from deployments.aws.cloudformation import ChangeSetRequest, StackView
from deployments.aws.session import Clients
from deployments.cloudformation.status import (
    CREATED,
    DELETED,
    IN_REVIEW,
    is_being_deleted,
    is_cancelled,
    is_failed,
    is_final,
)
from deployments.cloudformation.stuck_resources import DELETE_FAILED
from deployments.common.errors import AwsAlreadyDone, AwsNotFound, Message
from deployments.common.message_codes import Code
from deployments.environments.rules.intervals import retry_delay
from deployments.restore_drills.models import CHECKING, FINISHED, RestoreDrill
from deployments.restore_drills.steps.outcome import DrillFailed, DrillProgress
from deployments.stacks.shared.preflight import ENVIRONMENT_TAG

TEMPLATE: Final = Path(__file__).parent / "restore-drill.yaml"
CHANGE_SET: Final = "sanso-drill"
DRILL_TAG: Final = "sanso:restore-drill"


def create(drill: RestoreDrill, clients: Clients) -> DrillProgress:
    """Bring the stack one call closer to its creation. Raise DrillFailed if that fails."""
    later = DrillProgress(drill.environment.account.timings.snapshot)
    try:
        found = clients.cloudformation.describe_stack(drill.stack_id or drill.stack_name)
    except AwsNotFound:
        with suppress(AwsAlreadyDone):  # by a step whose response was lost
            clients.cloudformation.create_change_set(_request(drill))
        return later
    known = {"stack_id": found.stack_id}
    if found.status == IN_REVIEW:
        _execute(drill, clients)
    elif found.status == CREATED:
        return DrillProgress(0.0, {**known, "state": CHECKING})
    elif is_final(found.status):
        raise DrillFailed(_failure(found, _reason(found, clients)))
    return DrillProgress(later.after, known)


def _request(drill: RestoreDrill) -> ChangeSetRequest:
    """Return the request for the change set.

    The stack has a tag of its own. With the strict scope the roles also demand the tag of an environment; its
    value is none's, so that nothing of the drill counts as an environment's.
    """
    return ChangeSetRequest(
        stack_name=drill.stack_name,
        change_set_name=CHANGE_SET,
        token=drill.stack_name,
        template_url="",
        template_body=TEMPLATE.read_text(),
        parameters=drill.parameters,
        tags={DRILL_TAG: str(drill.environment.key), ENVIRONMENT_TAG: drill.stack_name},
        capabilities=(),
        role_arn=drill.environment.account.stack_role_arn,
        is_nested=False,
    )


def _execute(drill: RestoreDrill, clients: Clients) -> None:
    """Execute the change set once it has been computed. Raise DrillFailed if it cannot be."""
    change_set = clients.cloudformation.describe_change_set(CHANGE_SET, drill.stack_name)
    if change_set.is_pending or change_set.execution_status == "EXECUTE_IN_PROGRESS":
        return
    if not change_set.is_created:
        values = {"stack": drill.stack_name, "status": change_set.status, "reason": change_set.reason}
        raise DrillFailed(Message(Code.DRILL_STACK_FAILED, values))
    with suppress(AwsAlreadyDone):  # by a step whose response was lost
        clients.cloudformation.execute_change_set(change_set.change_set_id, drill.stack_name)


def _reason(found: StackView, clients: Clients) -> str:
    """Return the reason of the first resource that failed, else the stack's."""
    for event in clients.cloudformation.events_after(found.stack_id, ""):
        is_first = is_failed(event.status) and not is_cancelled(event.status, event.reason)
        if is_first and not event.is_of_the_stack and event.reason:
            return f"{event.logical_id}: {event.reason}"
    return found.reason


def _failure(found: StackView, reason: str) -> Message:
    values = {"stack": found.name, "status": found.status, "reason": reason}
    return Message(Code.DRILL_STACK_FAILED, values)


def delete(drill: RestoreDrill, clients: Clients) -> DrillProgress:
    """Delete the stack, and finish the drill when it no longer exists.

    A deletion that failed is begun again, each time later, for as long as it takes.
    """
    try:
        found = clients.cloudformation.describe_stack(drill.stack_id or drill.stack_name)
    except AwsNotFound:
        return _finished()
    if found.status == DELETED:
        return _finished()
    later = drill.environment.account.timings.snapshot
    known = {"stack_id": found.stack_id}
    if is_being_deleted(found.status):
        return DrillProgress(later, {**known, "failures": drill.failures})
    role = drill.environment.account.stack_role_arn
    clients.cloudformation.delete_stack(found.stack_id, f"{drill.stack_name}-{drill.version}", role)
    if found.status != DELETE_FAILED:
        return DrillProgress(later, known)
    failures = drill.failures + 1
    values = {"stack": found.name, "reason": found.reason}
    attention = Message(Code.DRILL_NOT_DELETED, values).as_json()
    delay = max(later, retry_delay(failures, throttled=False))
    return DrillProgress(delay, {**known, "failures": failures, "attention": attention})


def _finished() -> DrillProgress:
    ended: dict[str, Any] = {
        "state": FINISHED,
        "active_key": None,
        "attention": {},
        "ended_at": timezone.now(),
    }
    return DrillProgress(None, ended)
