"""Approval of a preview or a deletion by a second person: the request, the wait, its end, notifications."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.changes.approvers import approvers
from deployments.changes.models.approvals import Approval, policy_of
from deployments.changes.models.assessments import assessment_of
from deployments.changes.models.snapshot_choices import chosen_clusters
from deployments.changes.rules.approvals import LATE, VALID_FOR
from deployments.environments.models.deployments import SNAPSHOT_FIRST, Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind, State
from deployments.notifications.rules.topics import Topic
from deployments.notifications.shared import outbox
from deployments.notifications.shared.outbox import about_deployment
from deployments.releases.shared import GO_BACK
from deployments.stacks.shared import event_log
from deployments.stacks.shared.skipped import IN_LINE

GIVEN = ("approved", "bypassed")
"""Decisions that let a deployment continue."""
CHECK_EVERY = 3600.0
"""Seconds between two steps of a waiting request. One step at the deadline would be enough."""


def request(deployment: Deployment, user: User, *, voided: str = "void", **values: Any) -> None:
    """Make a change wait for the approval of its preview and of the choices made with it.

    Void an earlier approval with the reason `voided`. `values` are additional values of the row.
    """
    now = timezone.now()
    waiting = {"applied_by": user, "applied_at": None, "active_key": None, "due_at": now}
    deployment.move_to(State.APPROVAL, **waiting | values)
    void(deployment, voided)
    open_request(deployment, user, now)


def open_request(deployment: Deployment, user: User, now: datetime) -> None:
    """Add the approval request of a deployment."""
    at = deployment.scheduled_for
    approval = Approval.objects.create(
        deployment=deployment,
        open_key=deployment.pk,
        digest=deployment.preview_digest,
        choices=choices_of(deployment),
        requested_by=user,
        requested_at=now,
        expires_at=min(now + VALID_FOR, at + LATE) if at else now + VALID_FOR,
    )
    event_log.add(deployment, "approval.requested", key=str(approval.pk), user=user.get_username())
    notify_requested(deployment, approval, now)


def deletion_digest(environment: Environment, *, unprotect: bool) -> str:
    """Return the digest of the deletion that an approval covers.

    It changes with the next deployment and with the stack, because something else would be deleted then.
    """
    about = [environment.stack_id, environment.latest_id, unprotect]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def choices_of(deployment: Deployment) -> dict[str, Any]:
    """Return the choices that are approved with the preview: those of the user who applies it."""
    at = deployment.scheduled_for
    chosen = {name: deployment.options[name] for name in (IN_LINE, GO_BACK) if deployment.options.get(name)}
    if clusters := chosen_clusters(deployment):
        chosen[SNAPSHOT_FIRST] = clusters
    return {
        "scheduled_for": at.astimezone(UTC).isoformat() if at else "",
        "keep_on_failure": deployment.keep_on_failure,
    } | chosen  # requests of earlier versions of Sanso have none


def decide(approval: Approval, decision: str, user: User | None = None, reason: str = "") -> bool:
    """Store a decision on a waiting request. Return False if it is already decided."""
    rows = Approval.objects.filter(pk=approval.pk, open_key=approval.open_key).exclude(open_key=None)
    now = timezone.now()
    values = {"decision": decision, "decided_by": user, "decided_at": now, "reason": reason}
    with transaction.atomic():
        won = bool(rows.update(open_key=None, **values))
        if won:
            notify_decided(approval, decision, user, reason, now)
    return won


def close(deployment: Deployment, decision: str) -> None:
    """Close the waiting request of a deployment, if there is one, without a person's decision."""
    for approval in Approval.objects.of(deployment.pk).waiting():
        decide(approval, decision)


def void(deployment: Deployment, decision: str = "void") -> None:
    """Void the request or approval of a preview that is being replaced."""
    close(deployment, decision)
    for approval in Approval.objects.of(deployment.pk).filter(decision__in=GIVEN).with_people():
        Approval.objects.filter(pk=approval.pk).update(decision=decision)
        approver = approval.decided_by
        event_log.add(
            deployment,
            "approval.void",
            key=str(approval.pk),
            user=approver.get_username() if approver else "",
            code=decision,
        )


def is_missing(deployment: Deployment) -> bool:
    """Return whether a change needs an approval and has no valid one.

    An approval is not valid for another preview or other choices, nor if its approver may no longer approve.
    """
    environment = Environment.objects.get(pk=deployment.environment_id)
    policy = policy_of(environment)
    if policy is None:
        return False
    approved = Approval.objects.of(deployment.pk).filter(decision__in=GIVEN).with_people().first()
    if approved is None or approved.digest != deployment.preview_digest:
        return True
    if approved.choices != choices_of(deployment):
        return True
    if approved.decision == "bypassed":
        return approved.decided_by is None or not can(approved.decided_by, Right.BYPASS_APPROVAL, environment)
    return len(approvers(approved, policy, environment)) < policy.approvals


def request_again(deployment: Deployment) -> float:
    """Make a change without a valid approval wait for one. Return the seconds until the next step."""
    user = deployment.applied_by or deployment.requested_by
    with transaction.atomic():
        request(deployment, user, voided="not_permitted")
    return 0.0


def wait(deployment: Deployment, now: datetime) -> float:
    """Wait for the decision; deny the request at its deadline. Return the seconds until the next step."""
    approval = Approval.objects.of(deployment.pk).waiting().first()
    if approval is None:
        return CHECK_EVERY  # decided just now: the decision has made the row due
    left = (approval.expires_at - now).total_seconds()
    if left > 0:
        return min(left, CHECK_EVERY)
    with transaction.atomic():
        # Lock the row first: the actions lock in this order.
        deployment.record(cancel_code="denied")
        decide(approval, "expired")
        event_log.add(deployment, "approval.expired", key=str(approval.pk))
    return 0.0


def notify_requested(deployment: Deployment, approval: Approval, now: datetime) -> None:
    """Notify that a change or a deletion waits for the approval of a second person."""
    payload = about_deployment(deployment) | {
        "requested_by": approval.requested_by.get_username(),
        "reason": deployment.reason,
        "expires_at": approval.expires_at.isoformat(),
    }
    if deployment.kind == Kind.UPDATE:
        payload["assessment"] = assessment_of(deployment).to_json()
    _of_approval(Topic.APPROVAL_REQUESTED, deployment, approval, payload, now)


def notify_given(
    deployment: Deployment, approval: Approval, user: User, given: int, needed: int, now: datetime
) -> None:
    """Notify that somebody has approved a request that needs more approvals."""
    payload = about_deployment(deployment) | {
        "requested_by": approval.requested_by.get_username(),
        "decision": "given",
        "decided_by": user.get_username(),
        "given": given,
        "needed": needed,
    }
    _of_approval(Topic.APPROVAL_DECIDED, deployment, approval, payload, now, by=user)


def notify_decided(approval: Approval, decision: str, user: User | None, reason: str, now: datetime) -> None:
    """Notify that a request was approved, denied or bypassed, or has expired; not if it was withdrawn."""
    if decision not in ("approved", "denied", "bypassed", "expired"):
        return
    payload = about_deployment(approval.deployment) | {
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
    targets = outbox.destinations_of(topic, environment)
    key = f"{topic}:{approval.pk}" + (f":{by.pk}" if by else "")
    outbox.write(targets, topic, key, payload, now, environment=environment, deployment=deployment)
