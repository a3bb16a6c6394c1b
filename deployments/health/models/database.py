"""The last observed state of the Aurora cluster, its instances and its snapshots."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.common.models.fields import IdField
from deployments.environments.models.environments import Environment
from deployments.health.rules.backups import SnapshotCause


class DatabaseCluster(models.Model):
    """A cluster. `pending` has the changes that wait for the maintenance window, by RDS's names.

    `backup_retention_days` is None until it is observed; `backup_window` is in UTC, such as `17:00-17:30`.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="clusters")
    cluster_id = IdField(_("cluster"), max_length=100)
    status = models.CharField(_("status"), max_length=60, blank=True, default="")
    engine_version = models.CharField(max_length=60, blank=True, default="")
    endpoint = models.CharField(max_length=255, blank=True, default="")
    reader_endpoint = models.CharField(max_length=255, blank=True, default="")
    port = models.PositiveIntegerField(default=0)
    pending = models.JSONField(default=dict, blank=True)
    deletion_protection = models.BooleanField(_("deletion protection"), null=True)
    backup_retention_days = models.PositiveSmallIntegerField(null=True, editable=False)
    backup_window = models.CharField(max_length=20, blank=True, default="", editable=False)
    earliest_restorable_at = models.DateTimeField(null=True, editable=False)
    latest_restorable_at = models.DateTimeField(null=True, editable=False)
    observed_at = models.DateTimeField(_("observed"))

    class Meta:
        verbose_name = _("database cluster")
        verbose_name_plural = _("database clusters")
        constraints = (
            models.UniqueConstraint(fields=("environment", "cluster_id"), name="one_row_per_cluster"),
        )

    def __str__(self) -> str:
        return self.cluster_id


class DatabaseMember(models.Model):
    """An instance of a cluster: its current role, and its replica lag if that is known."""

    cluster = models.ForeignKey(DatabaseCluster, on_delete=models.CASCADE, related_name="members")
    instance_id = IdField(_("instance"), max_length=100)
    is_writer = models.BooleanField(_("writer"), default=False)
    promotion_tier = models.PositiveSmallIntegerField(null=True, blank=True)
    status = models.CharField(_("status"), max_length=60, blank=True, default="")
    zone = models.CharField(_("zone"), max_length=40, blank=True, default="")
    instance_class = models.CharField(max_length=40, blank=True, default="")
    endpoint = models.CharField(max_length=255, blank=True, default="")
    pending = models.JSONField(default=dict, blank=True)
    lag_ms = models.FloatField(null=True, blank=True)
    since = models.DateTimeField(_("since"))  # of the role

    class Meta:
        verbose_name = _("database instance")
        verbose_name_plural = _("database instances")
        constraints = (
            models.UniqueConstraint(fields=("cluster", "instance_id"), name="one_row_per_database_member"),
        )

    def __str__(self) -> str:
        return self.instance_id


CAUSES = [
    (SnapshotCause.AUTOMATED.value, _("Automated")),
    (SnapshotCause.FINAL.value, _("Final, before the cluster was deleted")),
    (SnapshotCause.REQUESTED.value, _("Taken in Sanso")),
    (SnapshotCause.BEFORE_CHANGE.value, _("Taken before a change")),
    (SnapshotCause.MANUAL.value, _("Manual, taken outside of Sanso")),
]


class DatabaseSnapshotQuerySet(models.QuerySet["DatabaseSnapshot"]):
    """Named queries over snapshots."""

    def newest_of(self, environment: Environment) -> Self:
        """Keep one environment's, newest first; one that has not begun is the newest."""
        rows = self.filter(environment=environment)
        return rows.order_by(models.F("created_at").desc(nulls_first=True), "-pk")

    def that_outlive_it(self) -> Self:
        """Keep those that are not deleted with their database."""
        return self.exclude(cause=SnapshotCause.AUTOMATED.value)


class DatabaseSnapshot(models.Model):
    """A snapshot of a cluster. `size` is in GiB, an approximation of RDS; `progress` in percent.

    `created_at` is RDS's time, None until the snapshot has begun.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="snapshots")
    cluster_id = IdField(_("cluster"), max_length=100)
    snapshot_id = IdField(_("snapshot"), max_length=255)
    cause = models.CharField(_("cause"), max_length=20, choices=CAUSES)
    status = models.CharField(_("status"), max_length=60, blank=True, default="")
    progress = models.PositiveSmallIntegerField(default=0)
    size = models.PositiveIntegerField(_("size"), default=0)
    created_at = models.DateTimeField(_("created"), null=True)
    observed_at = models.DateTimeField(_("observed"))

    objects = models.Manager.from_queryset(DatabaseSnapshotQuerySet)()

    class Meta:
        verbose_name = _("database snapshot")
        verbose_name_plural = _("database snapshots")
        constraints = (
            models.UniqueConstraint(fields=("environment", "snapshot_id"), name="one_row_per_snapshot"),
        )

    def __str__(self) -> str:
        return self.snapshot_id
