"""Deployments: reading them, their events and their timeline."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router

from deployments.access import visible_deployments
from deployments.api import keyset
from deployments.api.keyset import After, Key, Limit
from deployments.api.list_filters import DeploymentFilter
from deployments.api.requests import ApiRequest
from deployments.api.responses import FOR_LIST, FOR_ONE
from deployments.api.schemas.deployments import (
    DeploymentDetail,
    DeploymentOut,
    DeploymentPage,
    EventOut,
    EventPage,
    RowList,
)
from deployments.models import Deployment, Event, timeline
from deployments.models.deployment_queries import DeploymentQuerySet

router = Router(tags=["Deployments"])


@router.get("/deployments", response={200: DeploymentPage, **FOR_LIST}, operation_id="list_deployments")
def list_deployments(
    request: ApiRequest,
    response: HttpResponse,
    after: After,
    limit: Limit,
    wanted: Query[DeploymentFilter],
) -> DeploymentPage:
    """List deployments, the newest first."""
    rows = wanted.rows(visible_deployments(request.user).for_list().without_recordings()).with_labels()
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
    found = [EventOut.of(event) for event in rows[: limit + 1].plain()]
    return EventPage(**keyset.page(request, response, found, limit, "seq"))


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
    found = [DeploymentOut.of(row) for row in rows[: limit + 1]]
    return DeploymentPage(**keyset.page(request, response, found, limit, "id"))


def deployment_of(request: ApiRequest, pk: int) -> Deployment:
    """Return a deployment that the user may see. Raise Http404 for any other."""
    return get_object_or_404(visible_deployments(request.user).for_api(), pk=pk)
