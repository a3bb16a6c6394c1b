"""The tabs of an environment's page, the parts that are fetched separately, and its actions.

Pages are compressed here, not by a middleware, which would delay event streams. Django's gzip adds a name of
random length, and its CSRF tokens differ in every response: https://docs.djangoproject.com/en/5.2/ref/
middleware/#module-django.middleware.gzip
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from deployments.access.commands.requesting import CHANGE, DELETE, DEPLOY, OPERATE
from deployments.access.models.permissions import can
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import environment_or_404
from deployments.changes.display.approvals import bypass_notice
from deployments.changes.display.databases import databases_view
from deployments.changes.display.previews import without_set
from deployments.common.errors import UserFixable
from deployments.common.pages.datetime_formats import units
from deployments.common.pages.terminal_output import readable
from deployments.common.texts import error_text
from deployments.environment_pages.pages.durations import bars_of
from deployments.environment_pages.pages.environment_header import header_context
from deployments.environment_pages.pages.environment_tabs import environment_tabs
from deployments.environment_pages.pages.failed_environment import failure_context
from deployments.environments.display.badges import ENVIRONMENT
from deployments.environments.display.tab_urls import (
    CONFIGURATION,
    DATABASE,
    LABELS,
    OVERVIEW,
    SERVERS,
    tab_url,
)
from deployments.environments.display.tab_urls import HISTORY as HISTORY_TAB
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.commands import operate
from deployments.health.commands.watch import watch
from deployments.health.display.history_page import history_context, incidents_context
from deployments.health.display.page import health_context
from deployments.health.models.configuration import AssociationRun
from deployments.health.rules.aws_statuses import RUN_SKIPPED
from deployments.locks.display.holds import holds_context, lock_history
from deployments.notifications.display.view_models import notified_about
from deployments.recovery.commands.delete import close_environment
from deployments.recovery.display.operations import operations_view
from deployments.recovery.display.protection import protection_view
from deployments.releases.display import servers_of_environment
from deployments.restore_drills.display.tab import drills_context, failed_drill
from deployments.stacks.display.remaining import kept_snapshots, remaining_view
from deployments.stacks.models.stacks import Stack
from deployments.template_sets.display.version import version_of

HISTORY, LATEST = 10, 3
TABS_BESIDE_OVERVIEW = tuple(name for name in LABELS if name != OVERVIEW)


@require_GET
@vary_on_headers("HX-Request")
@gzip_page
def environment_page(request: AuthedRequest, pk: int, tab: str = OVERVIEW) -> HttpResponse:
    """Show one tab of an environment; for htmx only the body."""
    environment = environment_or_404(request, pk)
    if not environment.deleted_at:
        watch(environment)
    context = health_context(
        environment,
        tab,
        everything="all" in request.GET,
        may_operate=can(request.user, OPERATE, environment),
    )
    context |= failure_context(environment) | {"environment": environment, "latest": environment.latest}
    context["may_change"] = can(request.user, CHANGE, environment)
    context["may_create_again"] = (
        context["may_change"]
        and can(request.user, DEPLOY, environment)
        and not environment.account.is_recording
    )
    is_observed = bool(
        context["facts"].parts
        and not (environment.deleted_at or context["never_created"] or context["facts"].absent)
    )
    context |= {
        "is_observed": is_observed,
        "is_gone": environment.is_gone,
        "page_title": _title(environment),
        "operations": operations_view(environment, partial(can, request.user, about=environment)),
        "needs_operator": environment.needs_operator,
        "bypassed": bypass_notice(environment),
        "failed_drill": failed_drill(environment),
        "own_version": version_of(environment),
        "take_over_key": uuid.uuid4(),
        **holds_context(environment, request.user, may_operate=context["may_operate"]),
        "open_changes": Deployment.objects.for_list().of(environment).not_begun(),
        "tab": tab,
        "tab_template": f"environment_pages/_environment_tab_{tab}.html",
        "tab_url": tab_url(environment, tab),
        "tabs": environment_tabs(environment, tab, context["health"], is_observed=is_observed),
    }
    context |= header_context(environment, tab, request.user, context)
    context |= _rows_of_tab(environment, tab, request.user)
    if request.htmx:
        return render(request, "environment_pages/_environment_body.html", context)
    if is_observed:
        context |= _history_of_tab(environment, tab)
    return render(request, "environment_pages/environment.html", context | {"units": units()})


def _title(environment: Environment) -> str:
    """Return the title of its pages, which begins with its state: windows and tabs cut the end."""
    _kind, glyph, label = ENVIRONMENT[environment.state]
    if environment.account.is_recording:
        return environment.name
    return f"{glyph} {label} · {environment.name}"


def _rows_of_tab(environment: Environment, tab: str, user: User) -> dict[str, Any]:
    latest = environment.latest
    protection = {"protection": protection_view(environment)}
    if tab == CONFIGURATION:
        stacks = Stack.objects.of(latest).with_counts() if latest else ()
        return protection | {"stacks": stacks, "notified": notified_about(user, environment)}
    if tab == SERVERS:
        return {"servers": servers_of_environment(environment)}
    if tab == DATABASE:
        return databases_view(environment, user) | drills_context(environment)
    if tab not in (OVERVIEW, HISTORY_TAB):
        return {}
    shown = LATEST if tab == OVERVIEW else HISTORY
    history: list[Any] = list(Deployment.objects.for_list().of(environment)[: shown + 1])
    rows: dict[str, Any] = {
        "history": history[:shown],
        "more_history": len(history) > shown,
        "without_set": without_set(history[:shown]),
    }
    if tab == HISTORY_TAB:
        bars = bars_of(environment, rows["history"])
        for row in rows["history"]:
            row.bar = bars.get(row.pk)
        return rows | {"lock_history": lock_history(environment), "has_medians": bool(bars)}
    kept = {"kept_snapshots": kept_snapshots(latest) if latest and environment.deleted_at else []}
    return rows | protection | kept | {"remaining": remaining_view(latest) if latest else None}


def _history_of_tab(environment: Environment, tab: str) -> dict[str, Any]:
    """Return the separately refreshed parts for the first response."""
    if tab == OVERVIEW:
        return {"incidents": incidents_context(environment)}
    return {"health_history": history_context(environment)} if tab == HISTORY_TAB else {}


@require_GET
@gzip_page
def environment_health_history(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show only the health history of an environment, for the page to refresh."""
    environment = environment_or_404(request, pk)
    context = {"environment": environment, "health_history": history_context(environment)}
    return render(request, "health/_environment_health_history.html", context)


@require_GET
@gzip_page
def environment_incidents(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show only the latest incidents of an environment, for the page to refresh."""
    environment = environment_or_404(request, pk)
    context = {"environment": environment, "incidents": incidents_context(environment)}
    return render(request, "health/_environment_incidents.html", context)


@require_GET
@vary_on_headers("HX-Request")
@gzip_page
def environment_output(request: AuthedRequest, pk: int, run: int) -> HttpResponse:
    """Show the output of one association run; for htmx only its text."""
    environment = environment_or_404(request, pk)
    found = get_object_or_404(AssociationRun.objects.of(environment).select_related("association"), pk=run)
    template = "_output.html" if request.htmx else "output.html"
    context = {
        "environment": environment,
        "run": found,
        "was_skipped": found.status in RUN_SKIPPED,
        "output": readable(found.output),
        "error_output": readable(found.error_output),
    }
    return render(request, f"health/{template}", context)


@require_POST
@may(OPERATE, "run_association")
def environment_run(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request an association run, on all instances or on those where it failed."""
    environment = environment_or_404(request, pk)
    try:
        operate.request_association_run(
            user=request.user,
            environment=environment,
            association_id=request.POST.get("association", ""),
            only_failed="only_failed" in request.POST,
        )
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    return redirect(f"{tab_url(environment, SERVERS)}#associations")


@require_POST
@may(OPERATE, "take_snapshot")
def environment_snapshot(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request a snapshot of a database cluster."""
    environment = environment_or_404(request, pk)
    try:
        operate.request_snapshot(
            user=request.user, environment=environment, cluster_id=request.POST.get("cluster", "")
        )
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    return redirect(f"{tab_url(environment, DATABASE)}#backups")


@require_POST
@may(OPERATE, "protect")
def environment_protect(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request to switch deletion protection on after this had failed."""
    environment = environment_or_404(request, pk)
    try:
        operate.request_protection(user=request.user, environment=environment)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    return redirect(f"{tab_url(environment, CONFIGURATION)}#protection")


@require_POST
@may(OPERATE, "site_check")
def environment_site_check(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request a site check of the environment."""
    environment = environment_or_404(request, pk)
    try:
        operate.request_site_check(user=request.user, environment=environment)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    return redirect(f"{environment.get_absolute_url()}#site")


@require_POST
@may(DELETE, "close")
def environment_close(request: AuthedRequest, pk: int) -> HttpResponse:
    """Close an environment whose stack no longer exists."""
    environment = environment_or_404(request, pk)
    try:
        close_environment(user=request.user, environment=environment)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
        return redirect(environment)
    messages.success(
        request,
        _("%(name)s was removed from Sanso. Its name can be used again.") % {"name": environment.name},
    )
    return redirect("environments")
