"""The last observed state of Auto Scaling groups, their instances and activities."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.common.models.fields import IdField
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment


class FleetGroup(models.Model):
    """An Auto Scaling group and its sizes."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="fleet_groups")
    tier = models.CharField(_("tier"), max_length=10)  # web | app
    name = IdField(_("Auto Scaling group"), max_length=255)
    desired = models.PositiveIntegerField(default=0)
    minimum = models.PositiveIntegerField(default=0)
    maximum = models.PositiveIntegerField(default=0)
    observed_at = models.DateTimeField(_("observed"))

    class Meta:
        verbose_name = _("Auto Scaling group")
        verbose_name_plural = _("Auto Scaling groups")
        constraints = (models.UniqueConstraint(fields=("environment", "name"), name="one_row_per_group"),)

    def __str__(self) -> str:
        return self.name


class FleetInstanceQuerySet(models.QuerySet["FleetInstance"]):
    """Named queries over instances."""

    def of(self, environment: Environment) -> Self:
        """Keep one environment's."""
        return self.filter(environment=environment)

    def present(self) -> Self:
        """Keep those that are still in their group."""
        return self.filter(gone_at=None)

    def of_others(self, environment: Environment, instance_ids: Collection[str]) -> set[str]:
        """Return those of the ids that are servers of other environments of the same account."""
        rows = self.in_account(environment.account, instance_ids).exclude(environment=environment)
        return set(rows.values_list("instance_id", flat=True))

    def in_account(self, account: Account, instance_ids: Collection[str]) -> Self:
        """Keep those with these ids in an account."""
        return self.filter(environment__account=account, instance_id__in=list(instance_ids))

    def present_or_gone_since(self, at: datetime) -> Self:
        """Keep those that are in their group, and those that left it since a time."""
        return self.filter(models.Q(gone_at=None) | models.Q(gone_at__gte=at))


class FleetInstance(models.Model):
    """An instance of an Auto Scaling group. `gone_at` is when it was first missing from the group."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="instances")
    tier = models.CharField(_("tier"), max_length=10)  # web | app
    group = IdField(_("Auto Scaling group"), max_length=255)
    instance_id = IdField(_("instance"), max_length=64)
    zone = models.CharField(_("zone"), max_length=40, blank=True, default="")
    lifecycle = models.CharField(_("lifecycle state"), max_length=40, blank=True, default="")
    health = models.CharField(_("health"), max_length=40, blank=True, default="")
    launch_template_version = models.CharField(max_length=40, blank=True, default="")
    instance_type = models.CharField(_("instance type"), max_length=40, blank=True, default="")
    first_seen_at = models.DateTimeField(_("first seen"))
    observed_at = models.DateTimeField(_("observed"))
    gone_at = models.DateTimeField(_("terminated"), null=True, blank=True)

    objects = models.Manager.from_queryset(FleetInstanceQuerySet)()

    class Meta:
        verbose_name = _("instance")
        verbose_name_plural = _("instances")
        constraints = (
            models.UniqueConstraint(
                fields=("environment", "group", "instance_id"), name="one_instance_per_group"
            ),
        )

    def __str__(self) -> str:
        return self.instance_id


class ScalingActivityQuerySet(models.QuerySet["ScalingActivity"]):
    """Named queries over scaling activities."""

    def newest_of(self, environment: Environment) -> Self:
        """Keep one environment's, newest first."""
        return self.filter(environment=environment).order_by("-started_at", "-pk")


class ScalingActivity(models.Model):
    """A scaling activity with the group's own texts."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="scaling_activities")
    tier = models.CharField(_("tier"), max_length=10)
    group = IdField(_("Auto Scaling group"), max_length=255)
    activity_id = IdField(max_length=100)
    status = models.CharField(_("status"), max_length=60)
    description = models.TextField(blank=True, default="")
    cause = models.TextField(blank=True, default="")
    message = models.TextField(blank=True, default="")
    progress = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(_("started"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects = models.Manager.from_queryset(ScalingActivityQuerySet)()

    class Meta:
        verbose_name = _("scaling activity")
        verbose_name_plural = _("scaling activities")
        constraints = (
            models.UniqueConstraint(fields=("environment", "activity_id"), name="one_row_per_activity"),
        )
        indexes = (models.Index(fields=("environment", "started_at"), name="activities_by_time"),)

    def __str__(self) -> str:
        return self.description or self.activity_id
