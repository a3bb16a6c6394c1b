"""Who may open the admin: superusers; accounts and freeze windows also those who manage accounts."""

from __future__ import annotations

from typing import Final

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from deployments.access import can
from deployments.core.roles import Right

FOR_MANAGERS: Final = ("deployments_account_", "deployments_freezewindow_")
"""The beginnings of the names of the pages of accounts and freeze windows."""
INDEX: Final = ("index", "jsi18n", "logout")


class SansoAdminSite(AdminSite):
    """The admin, for superusers: it shows everything, and no grant about less limits it."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may open the page."""
        if request.user.is_active and getattr(request.user, "is_superuser", False):
            return True
        match = request.resolver_match
        name = (match.url_name if match else "") or ""
        is_managed = name in INDEX or name.startswith(FOR_MANAGERS)
        return is_managed and can(request.user, Right.MANAGE_ACCOUNTS)
