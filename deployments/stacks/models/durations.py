"""Measured durations of resources, and the expected duration of a deployment."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from deployments.common.models.fields import IdField
from deployments.environments.models.accounts import Account, of_same_kind
from deployments.environments.models.deployments import Deployment

KEPT = 50
"""Number of durations of each resource that are kept in an account: the latest ones."""


class DurationQuerySet(models.QuerySet["Duration"]):
    """Named queries over durations."""

    def comparable(self, account: Account, operation: str) -> Self:
        """Keep the durations of an operation in accounts of the same kind, the latest first."""
        return self.filter(of_same_kind(account), operation=operation).order_by("-pk")

    def in_account(self, account: Account) -> Self:
        """Keep those of one account."""
        return self.filter(account=account)

    def elsewhere(self, account: Account) -> Self:
        """Keep those of all other accounts."""
        return self.exclude(account=account)

    def as_rows(self) -> models.QuerySet[Duration, tuple[str, str, float]]:
        """Return (path, type, seconds) of each duration."""
        return self.values_list("path", "type", "seconds")

    def overfull(self, account: Account, operation: str) -> list[str]:
        """Return the paths that have more than `KEPT` durations."""
        rows = self.filter(account=account, operation=operation).order_by()
        counted = rows.values("path").annotate(number=Count("pk")).filter(number__gt=KEPT)
        return [str(row["path"]) for row in counted]

    def too_old(self, account: Account, operation: str, path: str) -> list[int]:
        """Return the keys of the rows of a path beyond the latest `KEPT` ones."""
        rows = self.filter(account=account, operation=operation, path=path).order_by("-pk")
        return list(rows.values_list("pk", flat=True)[KEPT : KEPT + 1000])


class Duration(models.Model):
    """The duration of one operation on one resource, stack or phase in a deployment that has ended.

    `path` has the logical ids below the root, the same for every environment of a template set; that of the
    portal's own phases is `@configuration` or similar, with the type `Sanso::Phase`.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="durations")
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="durations")
    path = IdField(_("path"), max_length=400)
    type = models.CharField(_("type"), max_length=255)
    operation = models.CharField(_("operation"), max_length=20)
    seconds = models.FloatField(_("seconds"))

    objects = models.Manager.from_queryset(DurationQuerySet)()

    class Meta:
        verbose_name = _("duration")
        verbose_name_plural = _("durations")
        constraints = (
            models.UniqueConstraint(fields=("deployment", "path"), name="one_duration_per_deployment"),
        )
        indexes = (
            models.Index(fields=("account", "operation", "path"), name="duration_of_a_path"),
            models.Index(fields=("type", "operation"), name="duration_of_a_type"),
        )

    def __str__(self) -> str:
        return f"{self.path} {self.operation}: {self.seconds:.0f} s"


class Expectation(models.Model):
    """The expected duration of a deployment at its request; the page compares it with the actual one.

    `usual` is {path: [seconds, low, high, runs, source]} for every resource, stack and phase. `seconds`,
    `low` and `high` are for the entire deployment, from the request to its end.
    """

    deployment = models.OneToOneField(Deployment, on_delete=models.CASCADE, related_name="expectation")
    usual = models.JSONField(default=dict)
    seconds = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    runs = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("expectation")
        verbose_name_plural = _("expectations")

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s ({self.low:.0f}-{self.high:.0f})"

    def of(self, path: str) -> list[Any] | None:
        """Return [seconds, low, high, runs, source] of a path; None if it is unknown."""
        found = self.usual.get(path)
        return found if isinstance(found, list) else None
