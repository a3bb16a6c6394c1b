"""Restore drills, with the times that each measured."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Max
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from deployments.environments.models.environments import Environment

QUEUED, CREATING, CHECKING, DELETING, FINISHED = "queued", "creating", "checking", "deleting", "finished"
STATES = [
    (QUEUED, _("Queued")),
    (CREATING, _("Restoring")),
    (CHECKING, _("Checking")),
    (DELETING, _("Deleting the copy")),
    (FINISHED, pgettext_lazy("step", "Finished")),
]
PASSED, FAILED = "passed", "failed"
RESULTS = [(PASSED, _("Passed")), (FAILED, _("Failed"))]
SHOWN = 10


class RestoreDrillQuerySet(models.QuerySet["RestoreDrill"]):
    """Named queries over drills."""

    def active(self) -> Self:
        """Keep those that have not finished, which includes the deletion of their stack."""
        return self.exclude(state=FINISHED).select_related("environment__account")

    def of(self, environment: Environment) -> Self:
        """Keep those of an environment, newest first."""
        return self.filter(environment=environment).select_related("requested_by").order_by("-pk")

    def with_result(self) -> Self:
        """Keep those that have passed or failed."""
        return self.exclude(result="")

    def failed(self) -> Self:
        """Keep those that have failed."""
        return self.filter(result=FAILED)

    def last_by_cluster(self) -> dict[str, datetime]:
        """Return when the last one of each cluster began, by the cluster's id."""
        rows = self.order_by().values_list("cluster_id")
        return {str(cluster): began_at for cluster, began_at in rows.annotate(last=Max("began_at"))}

    def last_of_each(self) -> Self:
        """Keep the last one with a result of each environment that exists, with environment and account."""
        existing = self.with_result().filter(
            environment__deleted_at=None, environment__account__is_recording=False
        )
        last = existing.order_by().values("environment").annotate(last=Max("pk")).values("last")
        return self.filter(pk__in=last).select_related("environment__account").order_by("pk")


class RestoreDrill(models.Model):
    """One drill. `result` is known before its stack is deleted; `attention` says why that takes longer.

    `active_key` is that of the environment until the stack is deleted: one drill at a time. `requested_by`
    is None of one that Sanso began by schedule.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="restore_drills")
    active_key = models.PositiveBigIntegerField(null=True, unique=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    state = models.CharField(max_length=10, choices=STATES, default=QUEUED)
    result = models.CharField(max_length=10, choices=RESULTS, default="", blank=True)
    sentence = models.JSONField(default=dict, blank=True)
    attention = models.JSONField(default=dict, blank=True)
    cluster_id = models.CharField(max_length=100)
    engine_version = models.CharField(max_length=60, default="", blank=True)
    snapshot_id = models.CharField(max_length=255, default="", blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    stack_id = models.CharField(max_length=255, default="", blank=True)
    failures = models.PositiveIntegerField(default=0)
    began_at = models.DateTimeField(auto_now_add=True)
    chosen_at = models.DateTimeField(null=True)
    point_at = models.DateTimeField(null=True)
    ready_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, db_index=True)
    version = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(RestoreDrillQuerySet)()

    def __str__(self) -> str:
        return f"{self.environment_id} {self.state} {self.result}"

    @property
    def stack_name(self) -> str:
        """Return the name of its stack, which the roles of an account allow."""
        return f"sanso-drill-{self.environment_id}-{self.pk}"

    @property
    def is_active(self) -> bool:
        """Return whether it has not finished."""
        return self.state != FINISHED

    @property
    def requester(self) -> str:
        """Return who requested it: the name of a user, or Sanso."""
        return self.requested_by.get_username() if self.requested_by else "Sanso"

    @property
    def rpo(self) -> timedelta | None:
        """Return how old the newest point was that could be restored when it was chosen."""
        return self.chosen_at - self.point_at if self.chosen_at and self.point_at else None

    @property
    def rto(self) -> timedelta | None:
        """Return how long the restore took, until the copy was available and checked."""
        return self.ready_at - self.chosen_at if self.chosen_at and self.ready_at else None
