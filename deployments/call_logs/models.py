"""The rows of AWS call logs: one for each call, compressed, without secrets."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.environments.models.deployments import Deployment

BATCH = 500


class LoggedCallQuerySet(models.QuerySet["LoggedCall"]):
    """Named queries over logged calls."""

    def of(self, deployment: Deployment) -> Self:
        """Keep one deployment's, oldest first."""
        return self.filter(deployment=deployment).order_by("pk")

    def operations_of(self, deployment: Deployment) -> set[tuple[str, str]]:
        """Return (service, operation) of the calls that are kept longest."""
        rows = self.filter(deployment=deployment, is_kept=True).order_by()
        return set(rows.values_list("service", "operation").distinct())

    def bytes_of(self, deployment: Deployment) -> int:
        """Return the size of one deployment's log."""
        rows = self.filter(deployment=deployment).order_by()
        return rows.aggregate(total=models.Sum("size"))["total"] or 0

    def before(self, moment: datetime) -> Self:
        """Keep those made before a time."""
        return self.filter(at__lt=moment)

    def shrink(self, deployment: Deployment, limit: int) -> int:
        """Delete calls of one deployment until its log has at most 90 % of the limit, if it exceeds it.

        The oldest go first: repeated calls that succeeded, then the others. Return the number of deleted
        calls.
        """
        total, gone = self.bytes_of(deployment), list[int]()
        if total <= limit:
            return 0
        rows = self.filter(deployment=deployment).order_by("is_kept", "pk")
        for pk, size in rows.values_list("pk", "size").iterator():
            if total <= limit * 9 // 10:
                break
            gone.append(pk)
            total -= size
        for first in range(0, len(gone), BATCH):
            self.filter(pk__in=gone[first : first + BATCH]).delete()
        return len(gone)


class LoggedCall(models.Model):
    """One call to AWS during a deployment, as a line of its log.

    `is_kept`: it failed, or is the first of its operation, so it is deleted last. `content` is the compressed
    line, `size` its bytes.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="logged_calls")
    at = models.DateTimeField(_("time"), db_index=True)
    service = models.CharField(max_length=40)
    operation = models.CharField(max_length=80)
    is_kept = models.BooleanField(default=False)
    size = models.PositiveIntegerField()
    content = models.BinaryField()

    objects = models.Manager.from_queryset(LoggedCallQuerySet)()

    class Meta:
        verbose_name = _("logged call to AWS")
        verbose_name_plural = _("logged calls to AWS")
        indexes = (models.Index(fields=("deployment", "is_kept", "size"), name="logged_call_size"),)

    def __str__(self) -> str:
        return f"{self.service}:{self.operation}"
