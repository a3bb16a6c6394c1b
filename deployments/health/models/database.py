"""The last observed state of the Aurora cluster and its instances."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.common.models.fields import IdField
from deployments.environments.models.environments import Environment


class DatabaseCluster(models.Model):
    """A cluster. `pending` has the changes that wait for the maintenance window, by RDS's names."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="clusters")
    cluster_id = IdField(_("cluster"), max_length=100)
    status = models.CharField(_("status"), max_length=60, blank=True, default="")
    engine_version = models.CharField(max_length=60, blank=True, default="")
    endpoint = models.CharField(max_length=255, blank=True, default="")
    reader_endpoint = models.CharField(max_length=255, blank=True, default="")
    port = models.PositiveIntegerField(default=0)
    pending = models.JSONField(default=dict, blank=True)
    deletion_protection = models.BooleanField(_("deletion protection"), null=True)
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
