"""Invitations of people who have not set a password yet. The value of the link is not stored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments.access.models.grants import Grant
from deployments.common.models.fields import IdField

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Named queries over invitations."""

    def usable(self, now: datetime) -> Self:
        """Keep those that have not expired, of active people."""
        return self.filter(expires_at__gt=now, user__is_active=True).select_related("user")

    def with_link(self, digest: str, now: datetime) -> Invitation | None:
        """Return the usable one whose link has this digest; None if there is none."""
        found = self.usable(now).filter(digest=digest).first()
        mark_void([found] if found else [])
        return found if found and not found.is_void else None


class Invitation(models.Model):
    """One person's invitation; deleted when it is accepted. `digest` is that of the value in its link.

    `grants` are the keys of the grants that the person had when the link was created (`carried_by`). With
    others, the link is void: who sent it, or saw it, must not act with roles that were given later.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitation", verbose_name=_("user")
    )
    digest = IdField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(_("expires"))
    grants = models.JSONField(null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )

    is_void = False
    """Set by `mark_void`."""

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


def carried_by(users: Iterable[User]) -> dict[int, set[int]]:
    """Return what a link of each of these users gives: the keys of the grants, and 0 for a superuser."""
    people = {one.pk: one for one in users}
    held = Grant.objects.pks_of(people)
    return {pk: held[pk] | ({0} if one.is_superuser else set()) for pk, one in people.items()}


def mark_void(invitations: Iterable[Invitation]) -> None:
    """Mark those whose people have roles that were given after the link was created. Two queries."""
    if found := list(invitations):
        held = carried_by(one.user for one in found)
        for one in found:
            one.is_void = bool(held[one.user_id] - set(one.grants or ()))
