"""Tokens for the API: owner, scopes and expiry. Their values are not stored."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.access.rules.token_scopes import LAST_USE_EVERY, SHOWN, digest_of
from deployments.common.models.fields import IdField


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Named queries over tokens."""

    def of(self, owner_pk: int) -> Self:
        """Keep those of one user, newest first."""
        return self.filter(owner=owner_pk).select_related("owner", "created_by").order_by("-pk")

    def usable(self, now: datetime) -> Self:
        """Keep those that are neither revoked, suspended nor expired, and whose owner is active."""
        return self.filter(revoked_at=None, suspended_at=None, expires_at__gt=now, owner__is_active=True)

    def in_status(self, status: str, now: datetime) -> Self:
        """Keep those that are active, suspended, expired or revoked; all for any other status."""
        valid = self.filter(revoked_at=None, expires_at__gt=now)
        found = {
            "active": valid.filter(suspended_at=None),
            "suspended": valid.exclude(suspended_at=None),
            "expired": self.filter(revoked_at=None, expires_at__lte=now),
            "revoked": self.exclude(revoked_at=None),
        }
        return found.get(status, self)

    def matching(self, text: str) -> Self:
        """Keep those whose name a search contains, or whose value begins with it."""
        return self.filter(models.Q(name__icontains=text) | models.Q(prefix__startswith=text))

    def suspend(self, owner_pk: int, now: datetime) -> int:
        """Suspend those of one user until `resume`. Return their number."""
        return self.usable(now).filter(owner=owner_pk).update(suspended_at=now)

    def resume(self, owner_pk: int) -> None:
        """Resume those of one user."""
        self.filter(owner=owner_pk).exclude(suspended_at=None).update(suspended_at=None)

    def with_value(self, value: str, now: datetime) -> ApiToken | None:
        """Return the usable token with this value and its owner; None if there is none."""
        return self.usable(now).filter(digest=digest_of(value)).select_related("owner").first()

    def note_use(self, token: ApiToken, now: datetime) -> None:
        """Record the use of a token, at most once a minute."""
        if token.last_used_at is None or now - token.last_used_at >= LAST_USE_EVERY:
            rows = self.filter(pk=token.pk)
            recent = models.Q(last_used_at__gt=now - LAST_USE_EVERY)
            rows.exclude(recent & models.Q(last_used_at__isnull=False)).update(last_used_at=now)


class ApiToken(models.Model):
    """One token. `digest` is that of its value; `prefix` are its first characters, to distinguish it.

    `suspended_at`: the identity provider refused its owner, who has not logged in there since.
    """

    MAX_NAME = 60

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("owner")
    )
    name = models.CharField(_("name"), max_length=MAX_NAME)
    prefix = models.CharField(_("token"), max_length=SHOWN, editable=False)
    digest = IdField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("created by")
    )
    expires_at = models.DateTimeField(_("expires"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    suspended_at = models.DateTimeField(_("suspended"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )

    objects = models.Manager.from_queryset(ApiTokenQuerySet)()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
