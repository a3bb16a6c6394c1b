"""Manual locks of environments: the owner, the reason, the expiry, and how the lock ended."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.environments.models.environments import Environment

ENDS = [
    ("", _("In force")),
    ("unlocked", _("Unlocked")),
    ("broken", _("Broken")),
    ("expired", _("Expired")),
]
MAX_REASON = 200


class EnvironmentLockQuerySet(models.QuerySet["EnvironmentLock"]):
    """Named queries over locks."""

    def in_force(self, now: datetime) -> Self:
        """Keep those that have neither expired nor been ended."""
        rows = self.exclude(active_key=None).select_related("owner")
        return rows.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now))

    def of(self, environment: Environment) -> Self:
        """Keep those of one environment, newest first."""
        rows = self.filter(environment=environment).select_related("owner", "ended_by")
        return rows.order_by("-pk")

    def in_force_by_environment(self, keys: list[int], now: datetime) -> dict[int, EnvironmentLock]:
        """Return the locks in force of these environments, by the environment's key."""
        return {lock.environment_id: lock for lock in self.in_force(now).filter(active_key__in=keys)}


class EnvironmentLock(models.Model):
    """One lock. `active_key` is the environment's key until the lock ended, and NULL afterwards: the database
    allows one per environment.

    A lock that expired keeps its `active_key` until somebody locks the environment again.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="locks")
    active_key = models.PositiveBigIntegerField(unique=True, null=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("locked by")
    )
    reason = models.CharField(_("reason"), max_length=MAX_REASON)
    created_at = models.DateTimeField(_("locked"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    end = models.CharField(_("end"), max_length=10, choices=ENDS, blank=True, default="")
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("ended by"),
    )
    end_reason = models.CharField(_("reason of the end"), max_length=MAX_REASON, blank=True, default="")

    objects = models.Manager.from_queryset(EnvironmentLockQuerySet)()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("environment lock")
        verbose_name_plural = _("environment locks")

    def __str__(self) -> str:
        return f"{self.environment_id} {self.owner}"
