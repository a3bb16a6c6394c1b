"""The router of the operations about deployments, and the deployment of an address."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from ninja import Router

from deployments.access.api.requests import ApiRequest
from deployments.access.models.permissions import visible_deployments
from deployments.environments.models.deployments import Deployment

router = Router(tags=["Deployments"])


def deployment_of(request: ApiRequest, pk: int) -> Deployment:
    """Return a deployment that the user may see. Raise Http404 for any other."""
    return get_object_or_404(visible_deployments(request.user).for_api(), pk=pk)
