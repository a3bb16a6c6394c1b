"""The keys of programs' requests: a request that is sent again gets the response of the first one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models

KEPT = timedelta(hours=48)
AT_ONCE = 100
"""Maximum number of old keys that one request removes."""


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    """Named queries over keys."""

    def without_response(self) -> Self:
        """Keep those of requests that have no response yet."""
        return self.filter(body__isnull=True)

    def older_than(self, moment: datetime) -> Self:
        """Keep those of requests before a time."""
        return self.filter(created_at__lt=moment)

    def remove_old(self, now: datetime) -> None:
        """Remove some of the expired ones."""
        old = list(self.older_than(now - KEPT).values_list("pk", flat=True)[:AT_ONCE])
        if old:
            self.filter(pk__in=old).delete()


class IdempotencyKey(models.Model):
    """One key of a user. `fingerprint` is that of the request; `body` is the response, NULL until then."""

    key = models.UUIDField(unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    fingerprint = models.CharField(max_length=64, editable=False)
    body = models.JSONField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = models.Manager.from_queryset(IdempotencyKeyQuerySet)()

    def __str__(self) -> str:
        return str(self.key)
