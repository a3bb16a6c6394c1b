"""Second factors in the admin: an administrator removes those of a user who has lost them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from deployments.admin.recorded import RecordedAdmin
from deployments.administration.models.sessions import UserSession
from portal.admin_names import set_names

if TYPE_CHECKING:
    Authenticators = admin.ModelAdmin[Authenticator]
    Accounts = admin.ModelAdmin[SocialAccount]
    Sessions = admin.ModelAdmin[UserSession]
else:  # generic for type checkers only
    Authenticators = Accounts = Sessions = admin.ModelAdmin

admin.site.unregister([EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken])


@admin.register(Authenticator)
class AuthenticatorAdmin(RecordedAdmin, Authenticators):
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


@admin.register(SocialAccount)
class IdentityAdmin(RecordedAdmin, Accounts):
    """Accounts of the identity provider. An administrator can assign one to another user."""

    list_display = ("user", "subject", "issuer", "date_joined", "last_login")
    search_fields = ("user__username",)
    fields = ("user", "subject", "issuer", "date_joined", "last_login")
    readonly_fields = ("subject", "issuer", "date_joined", "last_login")

    @admin.display(description=_("Subject"))
    def subject(self, account: SocialAccount) -> str:
        """Return the provider's own name of the account."""
        return str(account.extra_data.get("subject", ""))

    @admin.display(description=_("Issuer"))
    def issuer(self, account: SocialAccount) -> str:
        """Return the provider's URL."""
        return str(account.extra_data.get("issuer", ""))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: a first login creates them."""
        return False


@admin.register(UserSession)
class SessionAdmin(RecordedAdmin, Sessions):
    """Sessions of all users; deleting one ends it."""

    list_display = ("user", "user_agent", "address", "created_at", "used_at")
    search_fields = ("user__username",)
    fields = readonly_fields = ("user", "user_agent", "address", "created_at", "used_at")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the open sessions."""
        return UserSession.objects.open()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: logins create them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: UserSession | None = None) -> bool:
        """Return False: they can only be ended."""
        return False

    def delete_model(self, request: HttpRequest, obj: UserSession) -> None:
        """End a session."""
        UserSession.objects.filter(pk=obj.pk).end()

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """End sessions."""
        queryset.end()


set_names()  # also for the models of deployments.admin, which is imported above
