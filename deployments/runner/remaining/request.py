"""Let a deployment's remains be searched for: a due row like any other action."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from deployments.core.remaining import SearchState
from deployments.models import ActionRequest, Deployment

PENDING: dict[str, Any] = {"search": str(SearchState.PENDING)}
"""What a deployment keeps until its search has ended."""


def request_search(deployment: Deployment) -> None:
    """Make the search due, once while one is under way. What an earlier one found stands until it ends."""
    deployment.remaining = deployment.remaining | PENDING
    Deployment.objects.filter(pk=deployment.pk).update(remaining=deployment.remaining)
    ActionRequest.objects.get_or_create(
        active_key=f"{deployment.environment_id}:search_remaining:{deployment.pk}",
        defaults={
            "environment_id": deployment.environment_id,
            "kind": "search_remaining",
            "asked_by_id": deployment.requested_by_id,
            "arguments": {"deployment": deployment.pk},
            "due_at": timezone.now(),
        },
    )
