"""The metrics of Aurora clusters over time, and the failovers that were observed."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models

from deployments.common.models.fields import IdField
from deployments.environments.models.environments import Environment


class DatabaseMetricsQuerySet(models.QuerySet["DatabaseMetrics"]):
    """Named queries over metrics."""

    def of(self, environment: Environment) -> Self:
        """Keep one environment's, the oldest first."""
        return self.filter(environment=environment).order_by("start", "cluster_id")

    def since(self, at: datetime) -> Self:
        """Keep the periods that began at a time or later."""
        return self.filter(start__gte=at)


class DatabaseMetrics(models.Model):
    """The maxima of a cluster's metrics in five minutes; None where CloudWatch has no value.

    `is_thinned`: it has the maxima of its hour, and the other rows of the hour were deleted.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="database_metrics")
    cluster_id = IdField(max_length=100)
    start = models.DateTimeField()
    writer_connections = models.FloatField(null=True)
    reader_connections = models.FloatField(null=True)
    replica_lag_ms = models.FloatField(null=True)
    is_thinned = models.BooleanField(default=False)

    objects = models.Manager.from_queryset(DatabaseMetricsQuerySet)()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("environment", "cluster_id", "start"), name="one_row_per_period_of_metrics"
            ),
        )
        indexes = (
            models.Index(fields=("start",), name="metrics_by_time"),
            models.Index(fields=("is_thinned", "start"), name="metrics_to_thin"),
        )

    def __str__(self) -> str:
        return f"{self.cluster_id} {self.start:%Y-%m-%d %H:%M}"


class DatabaseFailoverQuerySet(models.QuerySet["DatabaseFailover"]):
    """Named queries over failovers."""

    def newest_of(self, environment: Environment) -> Self:
        """Keep one environment's, the newest first."""
        return self.filter(environment=environment).order_by("-at", "-pk")


class DatabaseFailover(models.Model):
    """A change of a cluster's writer. `at` is the first poll that returned the new one."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="database_failovers")
    cluster_id = IdField(max_length=100)
    at = models.DateTimeField()
    writer_id = IdField(max_length=100)
    previous_writer_id = IdField(max_length=100)

    objects = models.Manager.from_queryset(DatabaseFailoverQuerySet)()

    class Meta:
        indexes = (models.Index(fields=("at",), name="failovers_by_time"),)

    def __str__(self) -> str:
        return f"{self.cluster_id} {self.writer_id}"
