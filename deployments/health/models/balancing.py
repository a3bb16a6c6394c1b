"""The last observed state of load balancers and their targets."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from deployments.common.models.fields import IdField
from deployments.environments.models.environments import Environment


class LoadBalancerQuerySet(models.QuerySet["LoadBalancer"]):
    """Named queries over load balancers."""

    def protection_older_than(self, environment: Environment, at: datetime) -> Self:
        """Keep those of one environment whose known deletion protection is older."""
        rows = self.filter(environment=environment)
        return rows.filter(Q(protection_at=None) | Q(protection_at__lt=at)).order_by("pk")


class LoadBalancer(models.Model):
    """The application load balancer in front of the web servers, or the network one of the app servers."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="load_balancers")
    tier = models.CharField(_("tier"), max_length=10)  # alb | nlb
    arn = IdField(max_length=255)
    dns_name = models.CharField(_("DNS name"), max_length=255, blank=True, default="")
    state = models.CharField(_("state"), max_length=40, blank=True, default="")
    reason = models.TextField(_("reason"), blank=True, default="")
    zones = models.JSONField(default=list, blank=True)
    # Read less often than the rest: at `protection_at`.
    deletion_protection = models.BooleanField(_("deletion protection"), null=True)
    protection_at = models.DateTimeField(null=True, editable=False)
    observed_at = models.DateTimeField(_("observed"))

    objects = models.Manager.from_queryset(LoadBalancerQuerySet)()

    class Meta:
        verbose_name = _("load balancer")
        verbose_name_plural = _("load balancers")
        constraints = (
            models.UniqueConstraint(fields=("environment", "arn"), name="one_load_balancer_per_arn"),
        )

    def __str__(self) -> str:
        return self.dns_name or self.arn


class TargetQuerySet(models.QuerySet["Target"]):
    """Named queries over targets."""

    def of(self, environment: Environment) -> Self:
        """Keep one environment's, web tier last."""
        return self.filter(environment=environment).order_by("tier", "zone", "target_id", "port")

    def for_list(self) -> Self:
        """Select everything that a list shows, without a query per row."""
        return self.select_related("environment__account")


class Target(models.Model):
    """A target of a load balancer. State and reason are the load balancer's values.

    `since` is when the state was first observed.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="targets")
    tier = models.CharField(_("tier"), max_length=10)  # web | app
    target_group_arn = IdField(max_length=255)
    target_id = IdField(_("target"), max_length=150)
    port = models.PositiveIntegerField(_("port"), default=0)
    zone = models.CharField(_("zone"), max_length=40, blank=True, default="")
    state = models.CharField(_("state"), max_length=40)
    reason = models.CharField(_("reason"), max_length=80, blank=True, default="")
    description = models.TextField(blank=True, default="")
    # Which rule keeps its health checks away, as a message, and when the network was read for that.
    missing_path = models.JSONField(null=True, editable=False)
    path_read_at = models.DateTimeField(null=True, editable=False)
    since = models.DateTimeField(_("since"))
    observed_at = models.DateTimeField(_("observed"))

    objects = models.Manager.from_queryset(TargetQuerySet)()

    class Meta:
        verbose_name = _("target")
        verbose_name_plural = _("targets")
        constraints = (
            models.UniqueConstraint(
                fields=("environment", "target_group_arn", "target_id", "port"), name="one_target_per_port"
            ),
        )

    def __str__(self) -> str:
        return f"{self.target_id}:{self.port}"
