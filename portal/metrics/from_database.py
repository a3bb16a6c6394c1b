"""Metrics that are counted in the database at each scrape: environments, deployments, steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product

from django.utils import timezone
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from deployments import counts, dispatcher
from deployments.accounts.models import ConnectionTest
from deployments.environments.models.accounts import Account
from deployments.environments.models.environment_states import Urgency
from deployments.environments.models.environments import Environment
from deployments.environments.rules.environment_state import EnvironmentState
from deployments.environments.rules.phases import ACTIVE, Kind
from deployments.notifications.models import KINDS
from deployments.restore_drills.models import RestoreDrill

BOUNDS = (60, 120, 300, 600, 900, 1200, 1500, 1800, 2400, 3600, 7200)
"""Seconds: an environment takes a minute in the sandbox, and a quarter of an hour or more on AWS."""
URGENCIES = {Urgency.PROBLEM: "problem", Urgency.CHANGING: "in_progress", Urgency.DEPLOYED: "deployed"}
DELIVERIES = ("sent", "waiting", "retrying", "failed")
CONNECTIONS = ("ok", "warning", "problem", "untested")
HEALTH = ("healthy", "degraded", "unhealthy", "unknown")


def read() -> list[Metric]:
    """Return all of them. Raise DatabaseError if the database does not respond."""
    found = [*_environments(), *_deployments(), _ready_times(), *_restore_drills(), *_deliveries()]
    return [*found, _connections(), *_steps()]


def _environments() -> Iterator[Metric]:
    found = Environment.objects.live().without_recordings().state_counts()
    statuses = GaugeMetricFamily("sanso_environments_status", "Environments by status", labels=["status"])
    for state in EnvironmentState:
        if state is not EnvironmentState.DELETED:
            statuses.add_metric([str(state)], found.by_state[state])
    yield statuses
    urgencies = GaugeMetricFamily(
        "sanso_environments",
        "Environments that need somebody, whose deployment is in progress, and others",
        labels=["state"],
    )
    for urgency, label in URGENCIES.items():
        urgencies.add_metric([label], found.by_urgency[urgency])
    yield urgencies
    by_health = dict.fromkeys(HEALTH, 0) | counts.count_health()
    health = GaugeMetricFamily(
        "sanso_environments_health", "Environments by the health that was observed last", labels=["health"]
    )
    for word, number in by_health.items():
        health.add_metric([word or "unknown"], number)
    yield health


def _deployments() -> Iterator[Metric]:
    found = counts.count_deployments()
    numbers = Counter({(str(kind), str(state)): 0 for kind, state in product(Kind, ACTIVE)})
    numbers.update({(row.kind, row.state): row.deployments for row in found})
    by_state = GaugeMetricFamily(
        "sanso_deployments", "Deployments by kind and state", labels=["kind", "state"]
    )
    for labels, number in sorted(numbers.items()):
        by_state.add_metric(labels, number)
    yield by_state
    yield CounterMetricFamily(
        "sanso_events_stored", "Events stored of all deployments", sum(row.events for row in found)
    )
    yield GaugeMetricFamily(
        "sanso_deployments_attention",
        "Deployments in progress that report a problem",
        counts.count_attention(),
    )


def _ready_times() -> Metric:
    times = HistogramMetricFamily(
        "sanso_time_to_ready_seconds",
        "Seconds from the beginning of a deployment until its environment was ready",
        labels=["kind"],
    )
    for row in counts.count_ready_times(BOUNDS):
        buckets = [(str(float(bound)), number) for bound, number in zip(BOUNDS, row.up_to, strict=True)]
        times.add_metric([row.kind], [*buckets, ("+Inf", row.total)], row.seconds)
    return times


def _restore_drills() -> Iterator[Metric]:
    labels = ["account", "environment"]
    passed = GaugeMetricFamily(
        "sanso_restore_drill_passed",
        "1 if the last restore drill passed, 0 while one that failed is a problem of its environment",
        labels=labels,
    )
    age = GaugeMetricFamily(
        "sanso_restore_drill_age_seconds",
        "Seconds since the last restore drill with a result began",
        labels=labels,
    )
    rpo = GaugeMetricFamily(
        "sanso_restore_drill_rpo_seconds", "Age of the data that it restored", labels=labels
    )
    rto = GaugeMetricFamily(
        "sanso_restore_drill_rto_seconds", "Seconds until its copy was available", labels=labels
    )
    now = timezone.now()
    for row in RestoreDrill.objects.last_of_each():
        values = [row.environment.account.name, row.environment.name]
        passed.add_metric(values, int(row.environment.drill_failed_at is None))
        age.add_metric(values, (now - row.began_at).total_seconds())
        for metric, measured in ((rpo, row.rpo), (rto, row.rto)):
            if measured is not None:
                metric.add_metric(values, measured.total_seconds())
    yield from (passed, age, rpo, rto)


def _deliveries() -> Iterator[Metric]:
    found = Counter(dict.fromkeys(product(dict(KINDS), DELIVERIES), 0))
    found.update(counts.count_deliveries())
    deliveries = GaugeMetricFamily(
        "sanso_deliveries",
        "Notifications of the past 30 days by the kind of their target and their result",
        labels=["kind", "result"],
    )
    for labels, number in sorted(found.items()):
        deliveries.add_metric(labels, number)
    yield deliveries


def _connections() -> Metric:
    connections = GaugeMetricFamily(
        "sanso_account_connection",
        "1 for the result of the last test of an account's connection",
        labels=["account", "result"],
    )
    tests = ConnectionTest.objects.by_account()
    for account in Account.objects.usable():
        test = tests.get(account.pk)
        found = test.result if test and test.result else "untested"
        for result in CONNECTIONS:
            connections.add_metric([account.name, result], int(result == found))
    return connections


def _steps() -> Iterator[Metric]:
    lag = GaugeMetricFamily(
        "sanso_step_lag_seconds", "Seconds for which the oldest due row waits to be published", labels=["row"]
    )
    due = GaugeMetricFamily("sanso_due_rows", "Rows whose step is due and not published", labels=["row"])
    now = timezone.now()
    for rows, _ in dispatcher.kinds():
        found = counts.overdue(rows, now)
        lag.add_metric([rows.model._meta.model_name or ""], found.seconds)
        due.add_metric([rows.model._meta.model_name or ""], found.rows)
    yield lag
    yield due
