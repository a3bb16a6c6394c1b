"""Environments: reading them, their stacks, and what is observed of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Query

from deployments.access.api import keyset
from deployments.access.api.environment_router import environment_of, router
from deployments.access.api.keyset import After, Key, Limit
from deployments.access.api.requests import ApiRequest
from deployments.access.api.schemas import FOR_LIST, FOR_ONE
from deployments.access.models.permissions import visible_environments
from deployments.environment_pages.api.filters import EnvironmentListFilter
from deployments.environment_pages.api.schemas import (
    EnvironmentDetail,
    EnvironmentOut,
    EnvironmentPage,
    StackList,
    StackOut,
)
from deployments.environment_pages.display.notes import notes_of
from deployments.health.commands.watch import watch
from deployments.health.display.api_schemas import BackupsOut, HealthOut, MaintenanceOut
from deployments.health.display.metrics_schemas import DatabaseMetricsOut
from deployments.health.models.database import DatabaseSnapshot
from deployments.health.models.maintenance import PendingMaintenance
from deployments.health.models.metrics import DatabaseFailover, DatabaseMetrics
from deployments.health.models.reads import observations_of
from deployments.health.rules.rollup import roll_up
from deployments.locks.models import EnvironmentLock
from deployments.stacks.models.stacks import Stack

Hours = Annotated[int, Query(3, ge=1, le=24 * 366, description="How far back, in hours.")]


@router.get("/environments", response={200: EnvironmentPage, **FOR_LIST}, operation_id="list_environments")
def list_environments(
    request: ApiRequest,
    response: HttpResponse,
    after: After,
    limit: Limit,
    wanted: Query[EnvironmentListFilter],
) -> EnvironmentPage:
    """List environments, the newest first."""
    rows = wanted.rows(visible_environments(request.user).newest_first().without_recordings())
    rows = rows.before(after) if after else rows
    page = list(rows[: limit + 1])
    notes = notes_of(page, request.user)
    found = [EnvironmentOut.of(row, notes[row.pk]) for row in page]
    return EnvironmentPage(**keyset.page(request, response, found, limit, "id"))


@router.get(
    "/environments/{environment_id}",
    response={200: EnvironmentDetail, **FOR_ONE},
    operation_id="get_environment",
)
def get_environment(request: ApiRequest, environment_id: Key) -> EnvironmentDetail:
    """Return an environment."""
    return detail_of(request, environment_id)


@router.get(
    "/environments/{environment_id}/stacks", response={200: StackList, **FOR_ONE}, operation_id="list_stacks"
)
def list_stacks(request: ApiRequest, environment_id: Key) -> StackList:
    """Return the stacks of an environment by its latest deployment, parents first."""
    environment = environment_of(request, environment_id)
    latest = environment.latest
    rows = Stack.objects.of(latest).with_counts() if latest else ()
    return StackList(items=[StackOut.of(row) for row in rows])


@router.get(
    "/environments/{environment_id}/health", response={200: HealthOut, **FOR_ONE}, operation_id="get_health"
)
def get_health(request: ApiRequest, environment_id: Key) -> HealthOut:
    """Return the health of an environment by tier and component; reading it polls its sources more often."""
    environment = environment_of(request, environment_id)
    if not environment.deleted_at:
        watch(environment)
    facts = observations_of(environment)
    return HealthOut.of(roll_up(facts, timezone.now()), facts.sources)


@router.get(
    "/environments/{environment_id}/backups",
    response={200: BackupsOut, **FOR_ONE},
    operation_id="get_backups",
)
def get_backups(request: ApiRequest, environment_id: Key) -> BackupsOut:
    """Return the backups of an environment's databases; reading them polls its sources more often."""
    environment = environment_of(request, environment_id)
    if not environment.deleted_at:
        watch(environment)
    snapshots = DatabaseSnapshot.objects.newest_of(environment)
    return BackupsOut.of(observations_of(environment), list(snapshots))


@router.get(
    "/environments/{environment_id}/maintenance",
    response={200: MaintenanceOut, **FOR_ONE},
    operation_id="get_maintenance",
)
def get_maintenance(request: ApiRequest, environment_id: Key) -> MaintenanceOut:
    """Return versions, support, pending maintenance and the age of secrets of an environment's databases.

    Reading them polls their source more often.
    """
    environment = environment_of(request, environment_id)
    if not environment.deleted_at:
        watch(environment)
    rows = list(environment.maintenance.order_by("cluster_id"))
    pending = list(PendingMaintenance.objects.soonest_of(environment))
    secrets = list(environment.database_secrets.order_by("-cluster_id", "name"))
    sources = observations_of(environment).sources
    return MaintenanceOut.of(rows, pending, secrets, sources, timezone.now())


@router.get(
    "/environments/{environment_id}/database-metrics",
    response={200: DatabaseMetricsOut, **FOR_ONE},
    operation_id="get_database_metrics",
)
def get_database_metrics(request: ApiRequest, environment_id: Key, hours: Hours) -> DatabaseMetricsOut:
    """Return connections, replica lag and failovers of an environment's databases over time.

    Reading them polls their source more often.
    """
    environment = environment_of(request, environment_id)
    if not environment.deleted_at:
        watch(environment)
    since = timezone.now() - timedelta(hours=hours)
    rows = list(DatabaseMetrics.objects.of(environment).since(since))
    failovers = list(DatabaseFailover.objects.newest_of(environment))
    return DatabaseMetricsOut.of(observations_of(environment), rows, failovers)


def detail_of(request: ApiRequest, pk: int) -> EnvironmentDetail:
    """Return an environment with everything about it. Raise Http404 for one that the user may not see."""
    row = get_object_or_404(visible_environments(request.user).newest_first(), pk=pk)
    locks = EnvironmentLock.objects.in_force_by_environment([row.pk], timezone.now())
    note = notes_of([row], request.user)[row.pk]
    return EnvironmentDetail.of_page(row, note, locks.get(row.pk))
