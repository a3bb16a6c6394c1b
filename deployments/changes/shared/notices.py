"""The notifications about requests for approval and the decisions on them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from deployments.changes.models.approvals import Approval
from deployments.changes.models.assessments import assessment_of
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.notifications.rules.topics import Topic
from deployments.notifications.shared import outbox

if TYPE_CHECKING:
    from django.contrib.auth.models import User
from deployments.notifications.shared.outbox import about_deployment


def approval_requested(deployment: Deployment, approval: Approval, now: datetime) -> None:
    """Notify that a change or a deletion waits for the approval of a second person."""
    payload = about_deployment(deployment) | {
        "requested_by": approval.requested_by.get_username(),
        "reason": deployment.reason,
        "expires_at": approval.expires_at.isoformat(),
    }
    if deployment.kind == Kind.UPDATE:
        payload["assessment"] = assessment_of(deployment).to_json()
    _of_approval(Topic.APPROVAL_REQUESTED, deployment, approval, payload, now)


def approval_given(
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


def approval_decided(
    approval: Approval, decision: str, user: User | None, reason: str, now: datetime
) -> None:
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
