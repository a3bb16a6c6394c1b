"""The last observed state of State Manager associations and their runs on each instance."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.common.models.fields import IdField
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.health.rules.aws_statuses import RUN_FAILED


class AssociationQuerySet(models.QuerySet["Association"]):
    """Named queries over associations."""

    def of(self, environment: Environment) -> Self:
        """Keep one environment's."""
        return self.filter(environment=environment).order_by("tier", "name", "pk")

    def with_id(self, association_id: str) -> Association | None:
        """Return the row of an association; None if it was never observed."""
        return self.filter(association_id=association_id).first()

    def names_in(self, account: Account) -> list[str]:
        """Return the names of the associations of an account's environments."""
        rows = self.filter(environment__account=account, environment__deleted_at=None).exclude(name="")
        return sorted(set(rows.values_list("name", flat=True)))

    def unread(self, association_id: str) -> bool:
        """Return whether the association's executions are still to be read."""
        return self.filter(association_id=association_id, execution_id="").exists()

    def for_list(self) -> Self:
        """Select everything that a list shows, without a query per row."""
        return self.select_related("environment__account")


class Association(models.Model):
    """An association that configures a tier. `counts` has the number of instances by status."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="associations")
    tier = models.CharField(_("tier"), max_length=10, blank=True, default="")  # web | app | ""
    association_id = IdField(max_length=64)
    name = models.CharField(_("name"), max_length=255, blank=True, default="")
    document = models.CharField(_("document"), max_length=255, blank=True, default="")
    status = models.CharField(_("status"), max_length=40, blank=True, default="")
    detailed_status = models.CharField(max_length=80, blank=True, default="")
    execution_id = IdField(max_length=64, blank=True, default="")
    executed_at = models.DateTimeField(_("last run"), null=True, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    # The output location of its runs, "" for none.
    output_bucket = models.CharField(max_length=63, blank=True, default="", editable=False)
    output_prefix = models.TextField(blank=True, default="", editable=False)
    observed_at = models.DateTimeField(_("observed"))

    objects = models.Manager.from_queryset(AssociationQuerySet)()

    class Meta:
        verbose_name = _("association")
        verbose_name_plural = _("associations")
        constraints = (
            models.UniqueConstraint(fields=("environment", "association_id"), name="one_row_per_association"),
        )

    def __str__(self) -> str:
        return self.name or self.association_id


class AssociationRunQuerySet(models.QuerySet["AssociationRun"]):
    """Named queries over runs."""

    def without_output(self) -> Self:
        """Leave the output's text in the database."""
        return self.defer("output", "error_output")

    def of(self, environment: Environment) -> Self:
        """Keep one environment's."""
        return self.filter(association__environment=environment)

    def not_succeeded(self) -> Self:
        """Keep those that have not succeeded, with their association."""
        return self.exclude(status="Success").select_related("association")

    def failed_on(self) -> set[str]:
        """Return the instances on which one of them failed."""
        return set(self.filter(status__in=RUN_FAILED).values_list("instance_id", flat=True))

    def of_association(self, association_id: str) -> Self:
        """Keep those of the association with this id in AWS."""
        return self.filter(association__association_id=association_id)

    def output_places(self) -> set[tuple[str, str]]:
        """Return the (bucket, key prefix) that the associations write to, above the folders of instances."""
        rows = self.exclude(output_bucket="").values_list("output_bucket", "output_key", "instance_id")
        return {
            (bucket, key.partition(f"/{instance_id}/")[0] + "/")
            for bucket, key, instance_id in rows
            if f"/{instance_id}/" in key
        }

    def newest_of_each(self) -> Self:
        """Keep the last one of each association and instance."""
        return self.filter(is_latest=True)

    def newest_first(self) -> Self:
        """Order by time, the newest first."""
        return self.order_by("-at", "-pk")


class AssociationRun(models.Model):
    """One execution on one instance.

    `output` and `error_output` are the ends of stdout and stderr from S3; `output_at` is when they were read,
    None before. `recap` is Ansible's: {"ok": 9, "changed": 3, "failed": 1, …}.
    """

    association = models.ForeignKey(Association, on_delete=models.CASCADE, related_name="runs")
    execution_id = IdField(max_length=64)
    instance_id = IdField(_("instance"), max_length=64)
    is_latest = models.BooleanField(default=True)
    status = models.CharField(_("status"), max_length=40)
    detailed_status = models.CharField(max_length=80, blank=True, default="")
    at = models.DateTimeField(_("time"), null=True, blank=True)
    duration = models.FloatField(null=True, blank=True)  # seconds
    output_bucket = models.CharField(max_length=63, blank=True, default="")
    output_key = models.TextField(blank=True, default="")
    output = models.TextField(blank=True, default="")
    error_output = models.TextField(blank=True, default="")
    output_at = models.DateTimeField(null=True, blank=True)
    failed_task = models.CharField(_("failed task"), max_length=255, blank=True, default="")
    failed_message = models.TextField(_("message"), blank=True, default="")
    recap = models.JSONField(default=dict, blank=True)

    objects = models.Manager.from_queryset(AssociationRunQuerySet)()

    class Meta:
        verbose_name = _("association run")
        verbose_name_plural = _("association runs")
        constraints = (
            models.UniqueConstraint(
                fields=("association", "execution_id", "instance_id"), name="one_run_per_instance"
            ),
        )

    def __str__(self) -> str:
        return f"{self.instance_id} {self.status}"
