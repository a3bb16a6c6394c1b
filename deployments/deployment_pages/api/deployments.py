"""Deployments: reading them, their events and their timeline."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query

from deployments.access.api.deployment_router import deployment_of, router
from deployments.access.api.environment_router import environment_of
from deployments.access.api.environment_router import router as environments
from deployments.access.api.keyset import After, Key, Limit
from deployments.access.api.requests import ApiRequest
from deployments.access.api.schemas import FOR_LIST, FOR_ONE
from deployments.access.models.permissions import visible_deployments
from deployments.deployment_pages.api.filters import DeploymentFilter
from deployments.deployment_pages.api.schemas.deployments import (
    DeploymentDetail,
    DeploymentPage,
    EventPage,
    RowList,
)
from deployments.environments.models.deployment_queries import DeploymentQuerySet
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models import timeline
from deployments.stacks.models.events import Event


@environments.get(
    "/environments/{environment_id}/deployments",
    response={200: DeploymentPage, **FOR_ONE},
    operation_id="list_deployments_of_environment",
)
def list_deployments_of_environment(
    request: ApiRequest, response: HttpResponse, environment_id: Key, after: After, limit: Limit
) -> DeploymentPage:
    """List the deployments of an environment, the newest first."""
    rows = Deployment.objects.for_list().of(environment_of(request, environment_id)).with_labels()
    return page_of(request, response, rows, after, limit)


@router.get("/deployments", response={200: DeploymentPage, **FOR_LIST}, operation_id="list_deployments")
def list_deployments(
    request: ApiRequest,
    response: HttpResponse,
    after: After,
    limit: Limit,
    wanted: Query[DeploymentFilter],
) -> DeploymentPage:
    """List deployments, the newest first."""
    rows = wanted.rows(visible_deployments(request.user).for_list()).with_labels()
    return page_of(request, response, rows, after, limit)


@router.get(
    "/deployments/{deployment_id}", response={200: DeploymentDetail, **FOR_ONE}, operation_id="get_deployment"
)
def get_deployment(request: ApiRequest, deployment_id: Key) -> DeploymentDetail:
    """Return a deployment."""
    return DeploymentDetail.of_page(deployment_of(request, deployment_id))


@router.get(
    "/deployments/{deployment_id}/events", response={200: EventPage, **FOR_ONE}, operation_id="list_events"
)
def list_events(
    request: ApiRequest, response: HttpResponse, deployment_id: Key, after: After, limit: Limit
) -> EventPage:
    """List the events of a deployment by their numbers; `after` is a number."""
    rows = Event.objects.of(deployment_of(request, deployment_id)).after(after)
    return EventPage.of(request, response, list(rows[: limit + 1].plain()), limit, "seq")


@router.get("/deployments/{deployment_id}/rows", response={200: RowList, **FOR_ONE}, operation_id="list_rows")
def list_rows(request: ApiRequest, deployment_id: Key) -> RowList:
    """Return the timeline of a deployment: its stacks, resources and phases, with their expected times."""
    deployment = deployment_of(request, deployment_id)
    return RowList.of(deployment, timeline.load(deployment))


def page_of(
    request: ApiRequest, response: HttpResponse, rows: DeploymentQuerySet, after: int, limit: int
) -> DeploymentPage:
    """Return a page of deployments."""
    rows = rows.before(after) if after else rows
    return DeploymentPage.of(request, response, rows, limit)
