"""Site checks: writes and reads of a time through an environment's load balancer."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.models.environment import Environment


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
