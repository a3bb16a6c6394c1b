"""One scrape: everything that can be read now. Unavailable sources are left out and reported as down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from django.conf import settings
from django.db import DatabaseError
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

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
