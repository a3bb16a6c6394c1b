"""What was requested, by whom and under which permission, and what was refused: rows are only added."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.models.deployment import Deployment
from deployments.models.environment import Environment

OUTCOMES = [("requested", _("Requested")), ("refused", _("Refused"))]


class AuditRecord(models.Model):
    """One request. `refusal` is why it was refused, a message as JSON; `name` outlives the environment."""

    MAX_REASON, MAX_NAME = 200, 60

    at = models.DateTimeField(_("time"), auto_now_add=True, db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("user")
    )
    action = models.CharField(_("action"), max_length=40)
    permission = models.CharField(_("permission"), max_length=100)
    outcome = models.CharField(_("outcome"), max_length=10, choices=OUTCOMES)
    reason = models.CharField(_("reason"), max_length=MAX_REASON, blank=True, default="")
    refusal = models.JSONField(default=dict, blank=True)
    name = models.CharField(_("environment"), max_length=MAX_NAME, blank=True, default="")
    environment = models.ForeignKey(Environment, null=True, on_delete=models.SET_NULL, related_name="+")
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.SET_NULL, related_name="+")
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("audit record")
        verbose_name_plural = _("audit records")
        indexes = (models.Index(fields=("action",), name="audit_records_by_action"),)

    def __str__(self) -> str:
        return f"{self.action} {self.name} {self.outcome}"

    def save(self, *args: Any, **options: Any) -> None:
        """Add the record. Raise TypeError for one that exists: records are not changed."""
        if not self._state.adding:
            raise TypeError("audit records are not changed")
        super().save(*args, **options)
