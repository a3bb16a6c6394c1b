"""Comparisons of deployments, their replay, and recordings."""

from __future__ import annotations

from typing import Annotated

from django.http import Http404
from django.shortcuts import get_object_or_404
from ninja import Query, Router

from deployments.access.api.deployment_router import deployment_of
from deployments.access.api.environment_router import environment_of
from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import MAX_KEY, Key
from deployments.access.api.requests import ApiRequest
from deployments.access.api.schemas import CONFLICT, FOR_LIST, FOR_ONE, Nothing
from deployments.access.models.permissions import visible_deployments
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.deployment_pages import recordings
from deployments.deployment_pages.api.schemas.deployments import DeploymentDetail, RowList
from deployments.deployment_pages.api.schemas.timelines import ComparisonOut, IncludedList, RecordingOut
from deployments.deployment_pages.commands import request_recording
from deployments.deployment_pages.models import parts_of
from deployments.deployment_pages.rules.comparison import compare
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models import timeline
from deployments.stacks.models.past_state import as_of

router = Router(tags=["Timelines and recordings"])

First = Annotated[int, Query(ge=1, le=MAX_KEY, description="The key of the earlier deployment.")]
Second = Annotated[int, Query(ge=1, le=MAX_KEY, description="The key of the later deployment.")]
Until = Annotated[int, Query(ge=0, le=MAX_KEY, description="The number of the last event that counts.")]


@router.get(
    "/environments/{environment_id}/comparison",
    response={200: ComparisonOut, **FOR_ONE},
    operation_id="compare_deployments",
)
def compare_deployments(
    request: ApiRequest, environment_id: Key, first: First, second: Second
) -> ComparisonOut:
    """Compare two deployments of an environment: durations, statuses and parameters."""
    rows = Deployment.objects.for_list().of(environment_of(request, environment_id))
    one, other = get_object_or_404(rows, pk=first), get_object_or_404(rows, pk=second)
    return ComparisonOut.of(
        one, other, compare(parts_of(one), parts_of(other), one.parameters, other.parameters)
    )


@router.get(
    "/deployments/{deployment_id}/replay",
    response={200: RowList, **FOR_ONE, **CONFLICT},
    operation_id="replay_deployment",
)
def replay_deployment(request: ApiRequest, deployment_id: Key, until: Until) -> RowList:
    """Return the timeline of a deployment that has ended as it was after one of its events."""
    deployment = deployment_of(request, deployment_id)
    if deployment.is_active:
        raise UserFixable("StillRunning", Code.DEPLOYMENT_STILL_RUNNING)
    past = as_of(deployment, min(until, deployment.last_seq))
    found = timeline.load(past.deployment, stacks=past.stacks, landmarks=past.landmarks, now=past.now)
    return RowList.of(past.deployment, found)


@router.get(
    "/deployments/{deployment_id}/recording",
    response={200: RecordingOut, **FOR_ONE, **CONFLICT},
    operation_id="get_recording",
)
def get_recording(request: ApiRequest, deployment_id: Key) -> RecordingOut:
    """Return a deployment that has ended with all its rows, to import it into another Sanso."""
    return RecordingOut(**recordings.dump(deployment_of(request, deployment_id)))


@router.get("/recordings", response={200: IncludedList, **FOR_LIST}, operation_id="list_recordings")
def list_recordings(request: ApiRequest) -> IncludedList:
    """List the recordings that Sanso includes."""
    imported = recordings.loaded_included(visible_deployments(request.user))
    return IncludedList.of(recordings.included(), imported)


@requests(
    router, "/recordings/{recording}/import", DeploymentDetail, status=201, name="import_included_recording"
)
def import_included_recording(request: ApiRequest, recording: str, body: Nothing) -> DeploymentDetail:
    """Import an included recording unless it has been imported, and return its deployment."""
    try:
        found = request_recording(user=request.user, name=recording)
    except UserFixable as exc:
        raise Http404(exc.message) from exc
    return DeploymentDetail.of_page(deployment_of(request, found.pk))
