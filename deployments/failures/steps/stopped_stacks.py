"""Store what stopped a stack beyond its events: validations and hooks that failed, from DescribeEvents.

It is read after a failure that DescribeStackEvents does not explain, of the one stack that it is about: AWS
returns no events of nested stacks with those of their parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from deployments.aws.cloudformation import CloudFormation
from deployments.aws.validation_events import HOOK_ERROR, VALIDATION_ERROR, FailedEvent
from deployments.cloudformation.root_cause import Failure
from deployments.cloudformation.validation import place
from deployments.common.errors import AwsFailure, AwsNotFound, AwsRetryable, Message
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.failures.models import Evidence
from deployments.failures.rules.cause import EvidenceKind
from deployments.failures.rules.stopped_stack import stopped_stack, what_adds
from deployments.failures.steps import evidence
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Stack

STORED: Final = 20
"""Findings that are stored at most, those that explain the failure first."""
MAX_REASON: Final = 2000
_CODES: Final = {VALIDATION_ERROR: Code.STOPPED_BY_VALIDATION, HOOK_ERROR: Code.STOPPED_BY_HOOK}


def gather(deployment: Deployment, cloudformation: CloudFormation, *, has_failed: bool) -> bool:
    """Store what stopped a stack, once. Return False if AWS throttles it, so that it has to be read again.

    If it cannot be read, this is stored once, and the deployment goes on: the role may lack the right, a
    partition the API.

    Args:
        has_failed: whether the operation has ended with a failure, so that all events are in the log.
    """
    if deployment.is_stopping:
        return True
    failure = evidence.failure_of(deployment)
    if failure is None and not has_failed:
        return True
    if Evidence.objects.of(deployment).filter(kind=str(EvidenceKind.VALIDATION)).exists():
        return True
    stacks = {str(stack.path): stack for stack in Stack.objects.of(deployment) if stack.stack_id}
    stopped = stopped_stack(failure, stacks)
    if stopped is None or stopped.path not in stacks or not (stopped.is_certain or has_failed):
        return True
    stack = stacks[stopped.path]
    try:
        events = cloudformation.failed_operation_events(stack.stack_id)
    except AwsRetryable:
        return False
    except AwsNotFound:  # deleted meanwhile
        return True
    except AwsFailure as exc:
        _store(deployment, exc.operation, evidence.unreadable(exc), timezone.now())
        return True
    _store_findings(deployment, stack, failure, events)
    return True


def _store_findings(
    deployment: Deployment, stack: Stack, failure: Failure | None, events: list[FailedEvent]
) -> None:
    landmarks = Event.objects.of(deployment).landmarks()
    found = what_adds(
        events,
        reasons=[failed.reason for event in landmarks if (failed := event.as_failure())],
        since=_begin(deployment),
        first=failure.logical_id if failure else "",
    )
    with transaction.atomic():  # all of them or none, since they are read once
        for number, one in enumerate(found[:STORED]):
            subject = one.event_id or f"{one.logical_id} {one.check} {number}"
            _store(deployment, subject, _message(stack, one), one.at)


def _begin(deployment: Deployment) -> datetime:
    """Return when the operation began, by AWS's clock; by the portal's without an event."""
    first = Event.objects.of(deployment).from_source("cloudformation").in_time().first()
    return first.at if first else deployment.began_at


def _message(stack: Stack, event: FailedEvent) -> Message:
    path = stack.path if event.is_of_the_stack else f"{stack.path}/{event.logical_id}".lstrip("/")
    where = place(path, event.property_path) if path else stack.name
    values: Mapping[str, str] = {
        "path": path,
        "place": where,
        "type": event.type,
        "check": event.check,
        "property_path": event.property_path,
        "reason": event.reason[:MAX_REASON] or "…",
    }
    return Message(_CODES.get(event.kind, Code.STOPPED_BY_ERROR), values)


def _store(deployment: Deployment, subject: str, message: Message, at: datetime) -> None:
    Evidence.objects.get_or_create(
        deployment=deployment,
        kind=str(EvidenceKind.VALIDATION),
        subject=subject[:255],
        defaults={"problem": message.as_json(), "at": at},
    )
