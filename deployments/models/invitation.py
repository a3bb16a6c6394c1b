"""Invitations of people who have not set a password yet. The value of the link is not stored."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments.models.fields import IdField


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Named queries over invitations."""

    def usable(self, now: datetime) -> Self:
        """Keep those that have not expired, of active people."""
        return self.filter(expires_at__gt=now, user__is_active=True).select_related("user")


class Invitation(models.Model):
    """One person's invitation; deleted when it is accepted. `digest` is that of the value in its link."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitation", verbose_name=_("user")
    )
    digest = IdField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(_("expires"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    objects = models.Manager.from_queryset(InvitationQuerySet)()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")

    def __str__(self) -> str:
        return self.user.get_username()

    @property
    def is_expired(self) -> bool:
        """Return whether its link is no longer accepted."""
        return self.expires_at <= timezone.now()
