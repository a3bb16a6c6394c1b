"""Site checks, and the continuous reads through an environment's load balancer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.environments.models.environments import Environment
from deployments.health.rules.served_versions import VersionPoll


class SiteProbeQuerySet(models.QuerySet["SiteProbe"]):
    """Named queries over site checks."""

    def newest_of(self, environment: Environment) -> Self:
        """Keep one environment's, newest first."""
        return self.filter(environment=environment).order_by("-at", "-pk")

    def own_of(self, environment: Environment) -> Self:
        """Keep an environment's automatic checks, newest first."""
        return self.newest_of(environment).filter(asked_by=None)


class SiteProbe(models.Model):
    """One site check. `asked_by` is empty for the automatic checks of a deployment."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="site_probes")
    at = models.DateTimeField(_("time"))
    wrote = models.BooleanField(_("wrote"), default=False)
    read = models.BooleanField(_("read"), default=False)
    reached = models.BooleanField(default=True, editable=False)
    milliseconds = models.FloatField(null=True, blank=True)
    sentence = models.JSONField(default=dict, blank=True, editable=False)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = models.Manager.from_queryset(SiteProbeQuerySet)()

    class Meta:
        verbose_name = _("site check")
        verbose_name_plural = _("site checks")
        indexes = (models.Index(fields=("environment", "at"), name="probes_by_time"),)

    def __str__(self) -> str:
        return f"{self.environment_id} {self.at:%Y-%m-%d %H:%M:%S}"


class SiteReadsQuerySet(models.QuerySet["SiteReads"]):
    """Named queries over intervals of reads."""

    def newest_of(self, environment: Environment) -> Self:
        """Keep those of one environment, newest first."""
        return self.filter(environment=environment).order_by("-start")

    def since(self, at: datetime) -> Self:
        """Keep the intervals that ended after a time."""
        return self.filter(latest_at__gt=at)

    def totals_since(self, environment: Environment, at: datetime) -> ReadTotals:
        """Return the totals of an environment's reads in the intervals that began at this time or later."""
        found = self.filter(environment=environment, start__gte=at).aggregate(
            reads=models.Sum("reads", default=0),
            failed=models.Sum("failed", default=0),
            milliseconds=models.Sum("milliseconds", default=0.0),
            slowest=models.Max("slowest", default=0.0),
        )
        return ReadTotals(**found)

    def durations_since(self, environment: Environment, at: datetime) -> list[dict[str, int]]:
        """Return the classes of the durations in the intervals that began at this time or later."""
        rows = self.filter(environment=environment, start__gte=at).values_list("durations", flat=True)
        return [durations for durations in rows if durations]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTotals:
    """The numbers of reads and failed reads; the sum and maximum milliseconds of the others."""

    reads: int = 0
    failed: int = 0
    milliseconds: float = 0.0
    slowest: float = 0.0

    @property
    def mean(self) -> float | None:
        """Return the mean duration in milliseconds; None if no read succeeded."""
        succeeded = self.reads - self.failed
        return self.milliseconds / succeeded if succeeded else None


class SiteReads(models.Model):
    """The reads of five minutes, except those that could not connect; the latest ones are in `latest_…`.

    `durations` has the number of reads in each class (`core.health.site_reads.classed`), `versions` what
    the latest polls reported (`core.health.served_versions`).
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="site_reads")
    start = models.DateTimeField(_("from"))
    reads = models.PositiveIntegerField(_("reads"), default=0)
    failed = models.PositiveIntegerField(_("failed"), default=0)
    milliseconds = models.FloatField(default=0.0, editable=False)
    slowest = models.FloatField(_("slowest (ms)"), default=0.0)
    durations = models.JSONField(null=True, blank=True, editable=False)
    latest_at = models.DateTimeField(_("latest"))
    latest_reads = models.PositiveIntegerField(default=0, editable=False)
    latest_failed = models.PositiveIntegerField(default=0, editable=False)
    latest_milliseconds = models.FloatField(null=True, blank=True, editable=False)
    reached = models.BooleanField(_("reached"), default=True)
    problem = models.JSONField(default=dict, blank=True, editable=False)
    # Which rule or route a request lacks, as a message, and when the network was read for that.
    missing_path = models.JSONField(null=True, editable=False)
    path_read_at = models.DateTimeField(null=True, editable=False)
    versions = models.JSONField(null=True, blank=True, editable=False)

    objects = models.Manager.from_queryset(SiteReadsQuerySet)()

    class Meta:
        verbose_name = _("site reads")
        verbose_name_plural = _("site reads")
        constraints = (
            models.UniqueConstraint(fields=("environment", "start"), name="one_row_per_interval_of_reads"),
        )
        indexes = (models.Index(fields=("start",), name="reads_by_time"),)

    def __str__(self) -> str:
        return f"{self.environment_id} {self.start:%Y-%m-%d %H:%M}"

    @property
    def polls(self) -> tuple[VersionPoll, ...]:
        """Return the versions of the latest polls; none in rows of earlier versions of Sanso."""
        return tuple(map(VersionPoll.from_json, self.versions or ()))

    @property
    def totals(self) -> ReadTotals:
        """Return the interval's totals."""
        return ReadTotals(
            reads=self.reads, failed=self.failed, milliseconds=self.milliseconds, slowest=self.slowest
        )
