"""`/metrics`, all that can be read now, for users who may view the whole audit log, and for scrapers."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from deployments.access.commands.requesting import PermissionMissing
from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.aws.account_ref import AccountRef
from deployments.environments.models.accounts import Account
from portal.metrics import from_database, from_redis

log = logging.getLogger(__name__)


class Scrape(Collector):
    """Reads the database and Redis when it is collected; keeps nothing between two scrapes."""

    def collect(self) -> Iterable[Metric]:
        """Yield every metric that can be read."""
        yield InfoMetricFamily(
            "sanso_build", "The version of this process", value={"version": settings.SANSO_VERSION}
        )
        up = GaugeMetricFamily("sanso_up", "Whether it responds", labels=["part"])
        accounts: list[tuple[str, AccountRef]] = []

        def from_database_() -> list[Metric]:
            accounts.extend((account.name, account.ref()) for account in Account.objects.usable())
            return from_database.read()

        parts: dict[str, Callable[[], list[Metric]]] = {
            "database": from_database_,
            "redis": lambda: from_redis.read(accounts),
        }
        for part, read in parts.items():
            try:
                yield from read()
                up.add_metric([part], 1)
            except (DatabaseError, RedisError) as exc:
                log.warning("metrics without those of the %s, which does not respond: %s", part, exc)
                up.add_metric([part], 0)
        yield up


def registry() -> CollectorRegistry:
    """Return a registry with only Sanso's metrics."""
    metrics = CollectorRegistry()
    metrics.register(Scrape())
    return metrics


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
