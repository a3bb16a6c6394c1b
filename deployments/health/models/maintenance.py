"""The last observed maintenance of Aurora clusters: versions, support, pending actions, and secrets."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.common.models.fields import IdField
from deployments.environments.models.environments import Environment


class DatabaseMaintenanceQuerySet(models.QuerySet["DatabaseMaintenance"]):
    """Named queries over the maintenance of clusters."""

    def support_ends_by(self, at: datetime, environments: Collection[int]) -> dict[int, datetime]:
        """Return when standard support ends, or ended, for those environments where it does by this time."""
        rows = self.filter(environment__in=environments, standard_support_ends_at__lte=at)
        rows = rows.order_by("-standard_support_ends_at")
        return dict(rows.values_list("environment", "standard_support_ends_at"))


class DatabaseMaintenance(models.Model):
    """A cluster's maintenance window, the versions it can be upgraded to, and the support of its version.

    `maintenance_window` is in UTC, such as `sun:18:00-sun:18:30`. `newer_versions` are those of the same
    major version, the oldest first; None until they are observed. The ends of support are None if they are
    unknown.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="maintenance")
    cluster_id = IdField(_("cluster"), max_length=100)
    maintenance_window = models.CharField(max_length=30, blank=True, default="")
    engine_version = models.CharField(max_length=60, blank=True, default="")
    newer_versions = models.JSONField(null=True)
    standard_support_ends_at = models.DateTimeField(null=True)
    extended_support_ends_at = models.DateTimeField(null=True)
    observed_at = models.DateTimeField()

    objects = models.Manager.from_queryset(DatabaseMaintenanceQuerySet)()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("environment", "cluster_id"), name="one_maintenance_per_cluster"),
        )

    def __str__(self) -> str:
        return self.cluster_id


class PendingMaintenanceQuerySet(models.QuerySet["PendingMaintenance"]):
    """Named queries over pending maintenance actions."""

    def soonest_of(self, environment: Environment) -> Self:
        """Keep one environment's, the soonest first; those without a date last."""
        soonest = models.F("applies_at").asc(nulls_last=True)
        return self.filter(environment=environment).order_by(soonest, "instance_id", "action")

    def due_by(self, at: datetime, environments: Collection[int]) -> dict[int, datetime]:
        """Return when RDS applies the first action, for those environments where it does by this time."""
        rows = self.filter(environment__in=environments, applies_at__lte=at).order_by("-applies_at")
        return dict(rows.values_list("environment", "applies_at"))


class PendingMaintenance(models.Model):
    """A maintenance action that RDS will apply to a cluster, or to one of its instances.

    `action` is RDS's value, such as `os-upgrade`. RDS applies it in the first maintenance window after
    `apply_after`, and as soon as possible after `forced_at`; `applies_at` also takes requests into account.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="pending_maintenance")
    cluster_id = IdField(_("cluster"), max_length=100)
    instance_id = IdField(_("instance"), max_length=100, blank=True, default="")  # "" for the cluster
    action = models.CharField(max_length=60)
    description = models.TextField(blank=True, default="")
    apply_after = models.DateTimeField(null=True)
    forced_at = models.DateTimeField(null=True)
    applies_at = models.DateTimeField(null=True)
    opt_in = models.CharField(max_length=40, blank=True, default="")
    observed_at = models.DateTimeField()

    objects = models.Manager.from_queryset(PendingMaintenanceQuerySet)()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("environment", "cluster_id", "instance_id", "action"),
                name="one_row_per_pending_action",
            ),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.instance_id or self.cluster_id}"


class DatabaseSecret(models.Model):
    """A secret of a cluster's administrator, or of the environment's stacks, without its value.

    The times are those of `deployments.aws.secretsmanager.SecretAge`.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="database_secrets")
    arn = IdField(max_length=255)
    name = models.CharField(max_length=255)
    cluster_id = IdField(_("cluster"), max_length=100, blank=True, default="")  # "" for one of the stacks
    value_created_at = models.DateTimeField(null=True)
    rotates = models.BooleanField(default=False)
    rotated_at = models.DateTimeField(null=True)
    rotates_at = models.DateTimeField(null=True)
    observed_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("environment", "arn"), name="one_row_per_database_secret"),
        )

    def __str__(self) -> str:
        return self.name
