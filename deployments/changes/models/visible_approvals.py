"""The requests for approval that a person may see."""

from __future__ import annotations

from deployments.access.models.permissions import Person, access_of, visible_environments
from deployments.access.rules.roles import Right
from deployments.changes.models.approvals import Approval, ApprovalQuerySet


def visible_approvals(user: Person, right: str = Right.VIEW) -> ApprovalQuerySet:
    """Return the requests for approval in the environments that a person may view, or approve changes of."""
    if access_of(user).may_everywhere(right):
        return Approval.objects.all()
    return Approval.objects.filter(deployment__environment__in=visible_environments(user, right))
