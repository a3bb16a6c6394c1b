"""The health history: a compact sample per tier after each change, and every few minutes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Self

from django.db import models
from django.db.models.functions import TruncHour
from django.utils.translation import gettext_lazy as _

from deployments.environments.models.environments import Environment

WHOLE = "environment"
"""The tier of the samples of the environment as a whole."""


class HealthSampleQuerySet(models.QuerySet["HealthSample"]):
    """Named queries over samples."""

    def of(self, environment: Environment) -> Self:
        """Keep one environment's, oldest first."""
        return self.filter(environment=environment).order_by("at")

    def since(self, at: datetime) -> Self:
        """Keep those that are not older than a time."""
        return self.filter(at__gte=at)

    def whole(self) -> Self:
        """Keep those of the environment as a whole."""
        return self.filter(tier=WHOLE)

    def statuses_by_hour(
        self, environments: Iterable[Environment], since: datetime
    ) -> list[tuple[int, datetime, str]]:
        """Return (environment's pk, hour, status), once for each status of an environment in an hour."""
        rows = self.whole().since(since).filter(environment__in=[one.pk for one in environments])
        hours = rows.annotate(hour=TruncHour("at", tzinfo=UTC)).order_by()
        return list(hours.values_list("environment_id", "hour", "word").distinct())


class HealthSample(models.Model):
    """The health of a tier at a time: the number of healthy components, and the status (`word`)."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="samples")
    at = models.DateTimeField(_("time"))
    tier = models.CharField(_("tier"), max_length=12)  # alb | web | nlb | app | database | environment
    healthy = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    word = models.CharField(_("health"), max_length=12)
    # It represents its ten minutes: the other samples of this period were deleted.
    is_thinned = models.BooleanField(default=False, editable=False)

    objects = models.Manager.from_queryset(HealthSampleQuerySet)()

    class Meta:
        verbose_name = _("health sample")
        verbose_name_plural = _("health samples")
        constraints = (
            models.UniqueConstraint(fields=("environment", "tier", "at"), name="one_sample_per_moment"),
        )
        indexes = (
            models.Index(fields=("at",), name="samples_by_time"),
            models.Index(fields=("is_thinned", "at"), name="samples_to_thin"),
        )

    def __str__(self) -> str:
        return f"{self.tier} {self.word} {self.healthy}/{self.total}"
