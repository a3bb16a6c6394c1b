"""Request a support bundle, and record who downloaded it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployments.access.commands.requesting import CommandRequest, requesting
from deployments.access.rules.roles import Right
from deployments.environments.models.deployments import Deployment

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def export_support_bundle(*, user: User, deployment: Deployment) -> None:
    """Record that a support bundle of a deployment is downloaded; it is about the whole portal as well."""
    request = CommandRequest(user=user, action="export_support_bundle", permission=Right.VIEW_AUDIT)
    request.deployment, request.name = deployment, deployment.environment.name
    with requesting(request):
        pass
