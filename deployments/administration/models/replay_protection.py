"""Ids that are accepted once: identity providers' logout tokens and assertions, until they expire."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from deployments.common.models.fields import IdField


class UsedOnceQuerySet(models.QuerySet["UsedOnce"]):
    """The one query: use an id."""

    def use(self, kind: str, issuer: str, value: str, expires_at: datetime) -> bool:
        """Return True if an id is used for the first time; after `expires_at` it is forgotten.

        Two processes cannot both use it: its key is unique.
        """
        self.filter(expires_at__lt=timezone.now()).delete()
        key = hashlib.sha256(f"{kind}\n{issuer}\n{value}".encode()).hexdigest()
        try:
            with transaction.atomic():
                self.create(key=key, expires_at=expires_at)
        except IntegrityError:
            return False
        return True


class UsedOnce(models.Model):
    """One id, as a digest."""

    key = IdField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(db_index=True)

    objects = models.Manager.from_queryset(UsedOnceQuerySet)()

    def __str__(self) -> str:
        return self.key
