"""The pages outside of any app: logout, health, errors. Those with a password are in portal/login."""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from deployments.access.commands.requesting import PermissionMissing
from deployments.access.pages.requests import AuthedRequest
from deployments.access.pages.who_can_grant import about_text, who_can_grant
from deployments.access.texts.commands import permission_name
from deployments.common import heartbeats
from portal import request_ids
from portal.navigation import PageMenu, listed

log = logging.getLogger(__name__)


@method_decorator(login_not_required, name="dispatch")
class LogoutPage(LogoutView):
    """Django's logout; a second request without a session redirects to the same page."""


@login_not_required
def admin_login(request: HttpRequest) -> HttpResponse:
    """Redirect to the login page. Raise PermissionDenied for all except superusers: the admin is theirs."""
    if request.user.is_authenticated and not getattr(request.user, "is_superuser", False):
        raise PermissionDenied("the admin is for superusers")
    url = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    if not is_ours or not url.startswith("/"):  # a single word might be the name of a route
        url = "/admin/"
    return HttpResponseRedirect(url) if request.user.is_authenticated else redirect_to_login(url)


@require_safe
def settings_page(request: AuthedRequest) -> HttpResponse:
    """Open the first page of the settings that the user may open; notifications are everybody's."""
    return redirect(listed(PageMenu.SETTINGS, request.user)[0].route)


@require_safe
@never_cache
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Return 200: this process responds. Nothing else is checked."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """Return whether pages can be served: 503 until the database responds and its tables are up to date.

    The state of Redis is included, but the portal is ready without it: the database is the source of truth.
    """
    database = _database()
    found = {"database": database, "redis": _redis()}
    return JsonResponse(found, status=200 if database == "ok" else 503)


def _database() -> str:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as exc:
        log.warning("the database does not respond: %s", exc)
        return "does not respond"
    return "migrations are missing" if waiting else "ok"


def _redis() -> str:
    try:
        with heartbeats.client() as client:
            client.ping()
    except RedisError:
        return "does not respond"
    return "ok"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Show the page for an invalid request."""
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Show the page for a missing permission: its name, its object, and who can grant it."""
    context: dict[str, str] = {}
    if isinstance(exception, PermissionMissing):
        context = {
            "missing": permission_name(exception.permission),
            "about": about_text(exception.about),
            "who_can_grant": who_can_grant(exception.about),
        }
    return render(request, "403.html", context, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Show the page for an unknown URL."""
    return render(request, "404.html", status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """Show the page for an internal error, with the request id, which is also in the log."""
    return render(request, "500.html", {"reference": request_ids.current()}, status=500)
