"""`/metrics`, for users who may view the entire audit log, and for scrapers with the token."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client.exposition import choose_encoder

from deployments.access.commands.requesting import PermissionMissing
from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from portal.metrics.scrape import registry

BEARER = "Bearer "


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics in a format that the scraper accepts."""
    if not _has_token(request):
        if not request.user.is_authenticated:
            return HttpResponse("A token is required.\n", status=401, headers={"WWW-Authenticate": "Bearer"})
        if not can(request.user, Right.VIEW_AUDIT):
            raise PermissionMissing(Right.VIEW_AUDIT)
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry()), content_type=content_type)


def _has_token(request: HttpRequest) -> bool:
    """Return whether the request has the token of the settings; without one, no token is accepted."""
    given = request.headers.get("Authorization", "")
    token = settings.SANSO_METRICS_TOKEN
    if not token or not given.startswith(BEARER):
        return False
    return secrets.compare_digest(given.removeprefix(BEARER).encode(), token.encode())
