"""Second factors in the admin: an administrator removes those of a user who has lost them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.http import HttpRequest

if TYPE_CHECKING:
    Authenticators = admin.ModelAdmin[Authenticator]
else:  # generic for type checkers only
    Authenticators = admin.ModelAdmin

admin.site.unregister([EmailAddress, Authenticator])


@admin.register(Authenticator)
class AuthenticatorAdmin(Authenticators):
    """Authenticator apps, passkeys and recovery codes, without their secrets."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__username",)
    fields = readonly_fields = ("user", "type", "created_at", "last_used_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: users set them up themselves."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        """Return False: they can only be removed."""
        return False
