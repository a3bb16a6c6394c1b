"""The router of the operations about environments, and the environment of an address."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from ninja import Router

from deployments.access.api.requests import ApiRequest
from deployments.access.models.permissions import visible_environments
from deployments.environments.models.environments import Environment

router = Router(tags=["Environments"])


def environment_of(request: ApiRequest, pk: int) -> Environment:
    """Return an environment that the user may see. Raise Http404 for any other."""
    return get_object_or_404(visible_environments(request.user).for_page(), pk=pk)
