"""What pages show of approvals and of scheduled changes: who asked, until when, what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from deployments.access import Person, can, visible_approvals
from deployments.actions.request import CHANGE, DELETE
from deployments.core.approvals import APPROVE, Decider, refusal_to_approve, refusal_to_deny
from deployments.core.phases import Kind, State
from deployments.core.roles import Right
from deployments.models import Approval, Deployment
from deployments.presentation.text import wording
from deployments.wording import message_text

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

VOID = ("void", "not_permitted")


def approval_context(deployment: Deployment, user: User | AnonymousUser | AbstractBaseUser) -> dict[str, Any]:
    """Return the request that waits for a decision, what was decided last, and what this user may decide."""
    found = list(Approval.objects.of(deployment.pk).with_people())
    waiting = next((one for one in found if one.is_waiting), None)
    latest = found[0] if found else None
    return {
        "canceled_title": wording.canceled(deployment.cancel_code, deployment.environment.name),
        "approval": waiting,
        "last_approval": latest,
        "voided": latest if latest and latest.decision in VOID and latest.decided_by else None,
        "withdrawn": latest if latest and latest.decision in VOID and not latest.decided_by else None,
        "is_waiting_for_approval": waiting is not None and not deployment.cancel_code,
        "is_scheduled": deployment.state == State.SCHEDULED and not deployment.cancel_code,
        "may_approve": can(user, APPROVE, deployment.environment),
        "zone": timezone.get_current_timezone_name(),
    } | (_refusals(deployment, waiting, user.pk) if waiting else {})


def _refusals(deployment: Deployment, approval: Approval, user: int | None) -> dict[str, str]:
    takes = CHANGE if deployment.kind == Kind.UPDATE else DELETE
    permitted = can(approval.requested_by, takes, deployment.environment)
    decider = Decider(
        user=user or 0,
        requesters=frozenset({deployment.requested_by_id, approval.requested_by_id}),
        is_requester_permitted=permitted,
    )
    now = timezone.now()
    approve = refusal_to_approve(decider, expires_at=approval.expires_at, now=now)
    deny = refusal_to_deny(decider, expires_at=approval.expires_at, now=now)
    return {
        "why_not_approve": message_text(approve) if approve else "",
        "why_not_deny": message_text(deny) if deny else "",
    }


def waiting_number(user: Person, right: str = Right.VIEW) -> int:
    """Return how many requests wait for a decision, of those that a person may view, or decide."""
    return visible_approvals(user, right).waiting().count()
