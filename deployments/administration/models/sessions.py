"""Logged-in sessions: the user, the browser, and the tokens for checking their accounts.

The session itself is Django's. A row here describes it and can end it.
"""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _


class UserSessionQuerySet(models.QuerySet["UserSession"]):
    """Named queries over sessions."""

    def open(self) -> Self:
        """Keep those that have not ended or expired."""
        valid = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=timezone.now())
        return self.filter(Exists(valid))

    def of(self, user: User) -> Self:
        """Keep those of a user, the latest first."""
        return self.filter(user=user).order_by("-used_at", "-pk")

    def of_provider(self) -> Self:
        """Keep those whose accounts an identity provider manages."""
        return self.exclude(account_key="")

    def of_account(self, key: str) -> Self:
        """Keep those of an account of an identity provider."""
        return self.filter(account_key=key)

    def of_logout(self, account_key: str, sid_key: str) -> Self:
        """Keep those that a logout at a provider ends: those of an account, or of its session if it is named.

        Sessions of the account without a provider's session id are included, since any might be the one.
        """
        if not sid_key:
            return self.of_account(account_key)
        of_sid = Q(sid_key=sid_key)
        return self.filter(Q(of_sid | Q(sid_key=""), account_key=account_key) if account_key else of_sid)

    def end(self) -> int:
        """End sessions at their next request, and event streams within a heartbeat. Return how many.

        Rows of an identity provider stay until their next check, which is due at once: API tokens of their
        users may depend on them.
        """
        keys = list(self.values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        rows = self.model.objects.filter(session_key__in=keys)
        rows.filter(account_key="").delete()
        rows.update(due_at=timezone.now())
        return len(keys)

    def remove(self) -> None:
        """End sessions as above, and delete their rows."""
        keys = list(self.values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        self.model.objects.filter(session_key__in=keys).delete()


class UserSession(models.Model):
    """One session. `tokens` are sealed; `due_at` is when the account is checked with the provider again.

    `sid_key` is the digest of the provider's own session, if it names one. The row of a session that has
    ended stays while the provider is polled for the user's API tokens.
    """

    MAX_AGENT = 200

    session_key = models.CharField(max_length=40, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="user_sessions",
        verbose_name=_("user"),
    )
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)
    user_agent = models.CharField(_("browser"), max_length=MAX_AGENT, blank=True, default="")
    created_at = models.DateTimeField(_("logged in"), default=timezone.now)
    used_at = models.DateTimeField(_("last used"), default=timezone.now)
    account_key = models.CharField(max_length=64, blank=True, default="", db_index=True, editable=False)
    sid_key = models.CharField(max_length=64, blank=True, default="", db_index=True, editable=False)
    tokens = models.TextField(blank=True, default="", editable=False)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True, editable=False)
    version = models.PositiveIntegerField(default=0, editable=False)

    objects = models.Manager.from_queryset(UserSessionQuerySet)()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")

    def __str__(self) -> str:
        return f"{self.user} · {self.address}"


def is_logged_in(user: User, session_key: str) -> bool:
    """Return whether a session is still that of a user: neither ended, nor from before another password."""
    session = Session.objects.filter(session_key=session_key, expire_date__gt=timezone.now()).first()
    values = session.get_decoded() if session else {}
    is_same_password = constant_time_compare(values.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    return values.get(SESSION_KEY) == str(user.pk) and is_same_password


def end_other_sessions(user: User, kept: str) -> None:
    """End all sessions of a user except one, including old ones without rows."""
    UserSession.objects.of(user).exclude(session_key=kept).end()
    for session in (
        Session.objects.filter(expire_date__gt=timezone.now()).exclude(session_key=kept).iterator()
    ):
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()
