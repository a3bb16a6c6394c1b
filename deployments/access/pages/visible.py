"""The rows of a page that the person may view. Others do not exist for them (404)."""

from __future__ import annotations

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from deployments.access.models.permissions import visible_deployments, visible_environments
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment


def environment_or_404(request: HttpRequest, pk: int) -> Environment:
    """Return an environment that the person may view, with the data of its page. Raise Http404."""
    return get_object_or_404(visible_environments(request.user).for_page(), pk=pk)


def deployment_or_404(request: HttpRequest, pk: int) -> Deployment:
    """Return a deployment that the person may view, with the data of its page. Raise Http404."""
    return get_object_or_404(visible_deployments(request.user).for_page(), pk=pk)


def change_or_404(request: HttpRequest, pk: int) -> Deployment:
    """Return a change that the person may view, with the data of its preview. Raise Http404."""
    return get_object_or_404(visible_deployments(request.user).for_page().updates(), pk=pk)
