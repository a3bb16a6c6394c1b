"""Requests for a second person's approval of one preview, or of a deletion, and what was decided."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from deployments.models.deployment import Deployment
from deployments.models.environment import Environment, EnvironmentQuerySet

DECISIONS = [
    ("", _("Waiting")),
    ("approved", _("Approved")),
    ("denied", _("Denied")),
    ("expired", _("Denied: nobody decided in time")),
    ("withdrawn", _("Withdrawn")),
    ("void", _("Void: the preview was replaced")),
    ("not_permitted", _("Void: the approver lost the permission")),
]


class ApprovalQuerySet(models.QuerySet["Approval"]):
    """Named queries over approvals."""

    def waiting(self) -> Self:
        """Keep those on which somebody has to decide."""
        return self.exclude(open_key=None)

    def waiting_of(self, environment_pk: int) -> Self:
        """Keep those of one environment on which somebody has to decide."""
        return self.waiting().filter(deployment__environment=environment_pk)

    def of(self, deployment_pk: int) -> Self:
        """Keep those of one deployment, newest first."""
        return self.filter(deployment=deployment_pk).order_by("-pk")

    def with_people(self) -> Self:
        """Select who requested and who decided, without a query per row."""
        return self.select_related("requested_by", "decided_by")

    def for_list(self) -> Self:
        """Select everything that the list shows, without a query per row."""
        return self.select_related("deployment__environment__account", "requested_by")

    def about(self, environments: EnvironmentQuerySet) -> Self:
        """Keep those about deployments of some environments."""
        return self.filter(deployment__environment__in=environments.order_by().values("pk"))

    def matching(self, text: str) -> Self:
        """Keep those of the environments that a search finds, and those of users whose name contains it."""
        found = Q(deployment__environment__in=Environment.objects.matching(text).values("pk"))
        if "=" not in text:
            found |= Q(requested_by__username__icontains=text.strip())
        return self.filter(found)


class Approval(models.Model):
    """One request: it is about the preview with this digest, and about what was chosen with it.

    `open_key` is the deployment's pk while it waits and NULL afterwards: the database allows one per
    deployment. A decision is a compare-and-set on it, so that two people cannot both decide.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="approvals")
    open_key = models.PositiveBigIntegerField(unique=True, null=True, editable=False)
    digest = models.CharField(_("digest"), max_length=64)
    choices = models.JSONField(default=dict, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("requested by"),
    )
    requested_at = models.DateTimeField(_("requested"))
    expires_at = models.DateTimeField(_("expires"))
    decision = models.CharField(_("decision"), max_length=15, blank=True, default="", choices=DECISIONS)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")

    objects = models.Manager.from_queryset(ApprovalQuerySet)()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")

    def __str__(self) -> str:
        return f"{self.deployment_id} {self.decision or 'waiting'}"

    @property
    def is_waiting(self) -> bool:
        """Return whether somebody has to decide."""
        return self.open_key is not None
