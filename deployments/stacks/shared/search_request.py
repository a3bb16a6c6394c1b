"""Request the search for a deployment's remaining resources: a due row like any other action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from deployments.cloudformation.remaining import SearchState
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.action_requests import ActionRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PENDING: dict[str, Any] = {"search": str(SearchState.PENDING)}
"""The value of a deployment until its search has ended."""


def request_search(deployment: Deployment, user: User | None = None) -> None:
    """Make the search due, unless one is in progress. Keep an earlier one's results until it ends.

    `user` requested it; without one, it follows the deployment.
    """
    deployment.remaining = deployment.remaining | PENDING
    Deployment.objects.filter(pk=deployment.pk).update(remaining=deployment.remaining)
    ActionRequest.objects.get_or_create(
        active_key=f"{deployment.environment_id}:search_remaining:{deployment.pk}",
        defaults={
            "environment_id": deployment.environment_id,
            "kind": "search_remaining",
            "asked_by_id": user.pk if user else deployment.requested_by_id,
            "arguments": {"deployment": deployment.pk},
            "due_at": timezone.now(),
        },
    )
