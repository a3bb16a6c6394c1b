"""A request from an environment's page, a due row that a worker executes, and the exceptions of its steps."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.common.errors import Message
from deployments.common.models.fields import IdField
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment

KINDS = [
    ("run_association", _("Run association")),
    ("save_time", _("Run site check")),
    ("protect", _("Switch on deletion protection")),
    ("take_snapshot", _("Take snapshot")),
    ("search_remaining", _("Search for remaining resources")),
    ("delete_remaining", _("Delete remaining resources")),
    ("search_trail", _("Search CloudTrail")),
]
STATES = [
    ("waiting", _("Waiting")),
    ("running", _("Running")),
    ("done", _("Succeeded")),
    ("failed", _("Failed")),
]


class ActionRequestQuerySet(models.QuerySet["ActionRequest"]):
    """Named queries over requested actions."""

    def active(self) -> Self:
        """Keep those that have not ended."""
        return self.filter(state__in=["waiting", "running"])

    def newest_of(self, environment: Environment) -> Self:
        """Keep one environment's, newest first."""
        return self.filter(environment=environment).select_related("asked_by").order_by("-pk")

    def of_kind(self, kind: str) -> Self:
        """Keep those of one kind."""
        return self.filter(kind=kind)

    def deletions_of(self, deployment: Deployment) -> Self:
        """Keep the deletions of a deployment's remaining resources, newest first."""
        rows = self.filter(kind="delete_remaining", environment=deployment.environment_id)
        return rows.filter(arguments__deployment=deployment.pk).order_by("-pk")


class ActionRequest(models.Model):
    """One request.

    `active_key` is unique while it is active and NULL afterwards, so that a double click creates one request.

    `result` has {"sentence": {"code", "params"}} and values of the kind: `milliseconds`, `executions`.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="operations")
    kind = models.CharField(_("kind"), max_length=30, choices=KINDS)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    arguments = models.JSONField(default=dict, blank=True)
    state = models.CharField(_("state"), max_length=20, choices=STATES, default="waiting")
    result = models.JSONField(default=dict, blank=True)
    active_key = IdField(max_length=150, unique=True, null=True, editable=False)  # type: ignore[misc]
    failures = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(_("requested"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    version = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(ActionRequestQuerySet)()

    class Meta:
        db_table = "deployments_operation"  # its earlier name: during an upgrade, older workers still use it
        verbose_name = _("requested action")
        verbose_name_plural = _("requested actions")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.environment_id}"

    @property
    def is_active(self) -> bool:
        """Return whether it has not ended."""
        return self.ended_at is None


class ContinueLater(Exception):
    """Raised when a further step is needed, in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class ActionFailed(Exception):
    """Raised when the action has failed for good, with the reason."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message
