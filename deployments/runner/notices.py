"""Notifications, written in the transaction of their cause; the messages contain codes and values."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from deployments.core.causes.catalogue import cause_of
from deployments.core.notifications import HealthSeen, Topic, follow_health, is_late, topic_of_result
from deployments.core.phases import Kind, State
from deployments.core.remaining import Remaining, SearchState
from deployments.core.root_cause import Failure, first_failure
from deployments.errors import Message
from deployments.models import (
    Approval,
    Deployment,
    Environment,
    EnvironmentLock,
    Event,
    Evidence,
    NoticeState,
    TemplateSource,
    TemplateVersion,
)
from deployments.models.channel_updates import updates_by_environment
from deployments.models.remaining import remaining_of
from deployments.models.timeline import failures_of
from deployments.runner import outbox

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_TEXT = 2000
"""Characters of AWS's reason in a notification."""
MAX_REMAINING = 20
"""Remaining resources that a notification lists; it counts the others."""
WAIT_FOR_SEARCH = timedelta(seconds=30)
"""How long a message waits at most for the search for what remains, which takes a few seconds."""


def deployment_ended(deployment: Deployment, now: datetime) -> None:
    """Notify about a deployment that has ended; not about a change that was never applied.

    While the search for what remains is in progress, the message waits for its result, but not for long:
    see `remaining_searched`.
    """
    if not _is_result(deployment):
        return
    state = State(deployment.state)
    topic = topic_of_result(state, was_canceled=deployment.was_canceled)
    targets = outbox.targets_of(topic, deployment.environment)
    if not targets:
        return
    payload = _about(deployment) | {
        "state": deployment.state,
        "reason": deployment.reason,
        "began_at": deployment.began_at.isoformat(),
        "ended_at": now.isoformat(),
    }
    if topic is Topic.DEPLOYMENT_FAILED:
        payload |= _why(deployment)
    if deployment.cancel_code:
        user = deployment.canceled_by
        payload["canceled"] = {"code": deployment.cancel_code, "by": user.get_username() if user else ""}
    remaining = remaining_of(deployment)
    if remaining.resources or remaining.search is not SearchState.NONE:
        payload["remaining"] = _remaining(remaining)
    outbox.write(
        targets,
        topic,
        f"{topic}:{deployment.pk}",
        payload,
        now,
        environment=deployment.environment,
        deployment=deployment,
        wait=WAIT_FOR_SEARCH if remaining.search is SearchState.PENDING else timedelta(0),
    )


def _is_result(deployment: Deployment) -> bool:
    """Return whether the end of a deployment is a result, not that of something nobody has begun.

    A change is one when somebody has applied it, also if it waited for an approval or for its time. A denied
    request and an expired one are notified by their approval.
    """
    if deployment.state == State.CANCELED and deployment.cancel_code == "denied":
        return False
    if deployment.is_deletion_request:
        return False
    is_applied = deployment.applied_at is not None or deployment.applied_by is not None
    return deployment.kind != Kind.UPDATE or is_applied or deployment.operation == "take_over"


def remaining_searched(deployment: Deployment, now: datetime) -> None:
    """Add what the search has found to the messages about a deployment's end that wait for it."""
    outbox.complete(deployment, {"remaining": _remaining(remaining_of(deployment))}, now)


def _remaining(found: Remaining) -> dict[str, Any]:
    """Return what remains in AWS: how many resources, how many of them are billed, and the first of them."""
    return {
        "search": str(found.search),
        "resources": len(found.resources),
        "billed": len(found.billed),
        "problems": sorted(found.problems),
        "items": [
            {"type": one.type, "id": one.id, "billing": str(one.billing)}
            for one in found.resources[:MAX_REMAINING]
        ],
    }


def _about(deployment: Deployment) -> dict[str, Any]:
    return {
        "deployment": deployment.pk,
        "kind": deployment.kind,
        "operation": deployment.operation,
        "requested_by": (deployment.applied_by or deployment.requested_by).get_username(),
    }


def _why(deployment: Deployment) -> dict[str, Any]:
    """Return the first failure, its cause if it is a known one, and the portal's text about it."""
    found: dict[str, Any] = {"error": {"code": deployment.error_code, "message": deployment.error_sentence}}
    failure = first_failure(failures_of(deployment, Event.objects.of(deployment).landmarks()))
    if failure is not None:
        found["first_failure"] = _failed(failure)
    found |= _cause(deployment, failure)
    output = Evidence.objects.of(deployment).filter(kind="association_output").exclude(text="").first()
    if output is not None and (lines := output.text.splitlines()):
        found["server"] = {"id": output.subject.partition(" ")[0], "output": lines[0][:MAX_TEXT]}
    return found


def _failed(failure: Failure) -> dict[str, str]:
    return {
        "stack": failure.path,
        "logical_id": failure.logical_id,
        "type": failure.type,
        "status": failure.status,
        "reason": failure.reason[:MAX_TEXT],
    }


def _cause(deployment: Deployment, failure: Failure | None) -> dict[str, Any]:
    """Return the known cause of a failure, or of a failed step whose servers lack a connection."""
    type_, reason = (failure.type, failure.reason) if failure else ("", "")
    known = cause_of(type_, reason, Evidence.objects.connections_of(deployment))
    return {"cause": {"code": known.cause.code, "values": dict(known.values)}} if known else {}


def approval_requested(deployment: Deployment, approval: Approval, now: datetime) -> None:
    """Notify that a change or a deletion waits for the approval of a second person."""
    payload = _about(deployment) | {
        "requested_by": approval.requested_by.get_username(),
        "reason": deployment.reason,
        "expires_at": approval.expires_at.isoformat(),
    }
    _of_approval(Topic.APPROVAL_REQUESTED, deployment, approval, payload, now)


def approval_given(
    deployment: Deployment, approval: Approval, user: User, given: int, needed: int, now: datetime
) -> None:
    """Notify that somebody has approved a request that needs more approvals."""
    payload = _about(deployment) | {
        "requested_by": approval.requested_by.get_username(),
        "decision": "given",
        "decided_by": user.get_username(),
        "given": given,
        "needed": needed,
    }
    _of_approval(Topic.APPROVAL_DECIDED, deployment, approval, payload, now, by=user)


def approval_decided(
    approval: Approval, decision: str, user: User | None, reason: str, now: datetime
) -> None:
    """Notify that a request was approved, denied or bypassed, or has expired; not if it was withdrawn."""
    if decision not in ("approved", "denied", "bypassed", "expired"):
        return
    payload = _about(approval.deployment) | {
        "requested_by": approval.requested_by.get_username(),
        "decision": decision,
        "decided_by": user.get_username() if user else "",
        "reason": reason,
    }
    _of_approval(Topic.APPROVAL_DECIDED, approval.deployment, approval, payload, now)


def _of_approval(
    topic: Topic,
    deployment: Deployment,
    approval: Approval,
    payload: dict[str, Any],
    now: datetime,
    by: User | None = None,
) -> None:
    environment = deployment.environment
    targets = outbox.targets_of(topic, environment)
    key = f"{topic}:{approval.pk}" + (f":{by.pk}" if by else "")
    outbox.write(targets, topic, key, payload, now, environment=environment, deployment=deployment)


def lock_broken(lock: EnvironmentLock, user: User, reason: str, now: datetime) -> None:
    """Notify that somebody has ended the lock of another person."""
    payload = {
        "locked_by": lock.owner.get_username(),
        "lock_reason": lock.reason,
        "broken_by": user.get_username(),
        "reason": reason,
    }
    targets = outbox.targets_of(Topic.LOCK_BROKEN, lock.environment)
    key = f"{Topic.LOCK_BROKEN}:{lock.pk}"
    outbox.write(targets, Topic.LOCK_BROKEN, key, payload, now, environment=lock.environment)


def health_observed(environment: Environment, status: str, sentence: Message | None, now: datetime) -> None:
    """Notify about a change of an environment's health that has lasted long enough."""
    key = f"health:{environment.pk}"
    row = NoticeState.objects.filter(key=key).first()
    before = None
    if row is not None:
        since = datetime.fromisoformat(row.values["since"])
        before = HealthSeen(notified=row.values["notified"], seen=row.values["seen"], since=since)
    after, is_change = follow_health(before, status, now)
    if before is not None and (after.notified, after.seen) == (before.notified, before.seen):
        return
    values = {"notified": after.notified, "seen": after.seen, "since": after.since.isoformat()}
    with transaction.atomic():
        NoticeState.objects.update_or_create(key=key, defaults={"values": values})
        if is_change and before is not None:
            payload = {
                "before": before.notified,
                "now": after.notified,
                "since": before.since.isoformat(),
                "message": sentence.as_json() if sentence else {},
            }
            topic = Topic.HEALTH_CHANGED
            name = f"{topic}:{environment.pk}:{int(before.since.timestamp())}"  # once, if two observe it
            targets = outbox.targets_of(topic, environment)
            outbox.write(targets, topic, name, payload, now, environment=environment)


def forecast_computed(deployment: Deployment, end: datetime, now: datetime) -> None:
    """Notify that a deployment will take longer than was forecast at first, once."""
    topic = Topic.DEPLOYMENT_LATE
    targets = outbox.targets_of(topic, deployment.environment)
    if not targets:
        return
    began = deployment.began_at
    defaults = {"values": {"end": end.isoformat()}}
    row, is_first = NoticeState.objects.get_or_create(key=f"forecast:{deployment.pk}", defaults=defaults)
    first_end = datetime.fromisoformat(row.values["end"])
    if is_first or not is_late(began, first_end, end):
        return
    payload = _about(deployment) | {"first_end": first_end.isoformat(), "end": end.isoformat()}
    key, environment = f"{topic}:{deployment.pk}", deployment.environment
    outbox.write(targets, topic, key, payload, now, environment=environment, deployment=deployment)


def updates_offered(source: TemplateSource, now: datetime) -> None:
    """Notify about environments whose channel offers a newer version of a set, once for each version."""
    topic = Topic.UPDATE_AVAILABLE
    environments = list(Environment.objects.that_follow_a_channel().of_source(source.pk))
    offered = updates_by_environment(environments)
    for environment in environments:
        found = offered[environment.pk]
        if not found.is_available or found.target is None:
            continue
        targets = outbox.targets_of(topic, environment)
        if not targets:
            continue
        own, new = environment.template_version, TemplateVersion.objects.get(pk=found.target.pk)
        payload = {"set": source.name, "before": own.label if own else "", "version": new.label}
        key = f"{topic}:{environment.pk}:{new.pk}"
        outbox.write(targets, topic, key, payload, now, environment=environment)
