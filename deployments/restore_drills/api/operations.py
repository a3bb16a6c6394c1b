"""Restore drills of an environment: requesting one, and reading their results."""

from __future__ import annotations

from django.shortcuts import get_object_or_404

from deployments.access.api.environment_router import environment_of, router
from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import Key
from deployments.access.api.requests import ApiRequest
from deployments.access.api.schemas import FOR_ONE
from deployments.restore_drills.api.schemas import (
    DrillBody,
    DrillList,
    DrillOut,
    DrillSchedule,
    DrillScheduleBody,
)
from deployments.restore_drills.commands import request_drill, schedule_drills
from deployments.restore_drills.models import SHOWN, RestoreDrill

ACCEPTED = 202


@router.get(
    "/environments/{environment_id}/restore-drills",
    response={200: DrillList, **FOR_ONE},
    operation_id="list_restore_drills",
)
def list_restore_drills(request: ApiRequest, environment_id: Key) -> DrillList:
    """List the latest restore drills of an environment, newest first, with their schedule."""
    environment = environment_of(request, environment_id)
    rows = RestoreDrill.objects.of(environment)[:SHOWN]
    return DrillList(schedule=DrillSchedule.of(environment), items=[DrillOut.of(row) for row in rows])


@requests(
    router,
    "/environments/{environment_id}/restore-drill-schedule",
    DrillSchedule,
    name="schedule_restore_drills",
)
def schedule_restore_drills(
    request: ApiRequest, environment_id: Key, body: DrillScheduleBody
) -> DrillSchedule:
    """Set whether Sanso runs a restore drill of an environment every month."""
    environment = environment_of(request, environment_id)
    found = schedule_drills(user=request.user, environment=environment, monthly=body.monthly)
    return DrillSchedule.of(found)


@requests(
    router,
    "/environments/{environment_id}/restore-drills",
    DrillOut,
    status=ACCEPTED,
    name="run_restore_drill",
)
def run_restore_drill(request: ApiRequest, environment_id: Key, body: DrillBody) -> DrillOut:
    """Request a restore drill: the newest point of a database is restored beside it, checked and deleted."""
    environment = environment_of(request, environment_id)
    found = request_drill(user=request.user, environment=environment, cluster_id=body.cluster)
    return DrillOut.of(found)


@router.get(
    "/environments/{environment_id}/restore-drills/{drill_id}",
    response={200: DrillOut, **FOR_ONE},
    operation_id="get_restore_drill",
)
def get_restore_drill(request: ApiRequest, environment_id: Key, drill_id: Key) -> DrillOut:
    """Return a restore drill of an environment."""
    rows = RestoreDrill.objects.of(environment_of(request, environment_id))
    return DrillOut.of(get_object_or_404(rows, pk=drill_id))
