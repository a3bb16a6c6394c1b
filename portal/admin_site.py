"""Access to the admin: superusers only; for accounts and freeze windows also people who manage accounts."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from deployments.access.commands.requesting import CommandRequest, PermissionMissing
from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.access.texts.commands import ACTIONS
from deployments.common.errors import Message
from deployments.common.message_codes import Code

FOR_MANAGERS: Final = ("deployments_account_", "deployments_freezewindow_")
"""Prefixes of the names of the pages of accounts and freeze windows."""
INDEX: Final = ("index", "jsi18n", "logout")
FOR_EVERYBODY: Final = ("login", "logout")
VERBS: Final = {"add": "add", "change": "edit", "delete": "delete", "changelist": "edit"}
"""Prefixes of the audit log's actions by the suffixes of the names of pages."""


class SansoAdminSite(AdminSite):
    """The admin for superusers: it shows everything, without regard to grants for less."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may open the page."""
        if request.user.is_active and getattr(request.user, "is_superuser", False):
            return True
        name = _page(request)
        is_managed = name in INDEX or name.startswith(FOR_MANAGERS)
        return is_managed and can(request.user, Right.MANAGE_ACCOUNTS)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Return a view that returns 403 to users who may not open the page, and records their requests.

        Users who are not logged in are redirected to the login, as in Django.
        """
        checked: Callable[..., HttpResponse] = super().admin_view(view, cacheable)

        @wraps(checked)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not isinstance(request.user, User) or _page(request) in FOR_EVERYBODY:
                return checked(request, *args, **kwargs)
            if not self.has_permission(request):
                raise _refused(request, request.user)
            try:
                return checked(request, *args, **kwargs)
            except PermissionMissing:
                raise  # an action has recorded it
            except PermissionDenied:
                raise _refused(request, request.user) from None

        return guarded


def _page(request: HttpRequest) -> str:
    match = request.resolver_match
    return (match.url_name if match else "") or ""


def _refused(request: HttpRequest, user: User) -> PermissionDenied:
    """Return the context of the 403 page; the request is recorded as refused."""
    page = _page(request)
    is_managed = page.startswith(FOR_MANAGERS) and not can(user, Right.MANAGE_ACCOUNTS)
    if request.method == "POST":
        refusal = Message(Code.FOR_SUPERUSERS)
        if is_managed:
            refusal = Message(Code.PERMISSION_MISSING, {"permission": Right.MANAGE_ACCOUNTS.value})
        asked = CommandRequest(
            user=user,
            action=_action(page),
            permission=Right.MANAGE_ACCOUNTS.value if is_managed else "",
            details={"page": request.path},
        )
        asked.record(refusal)
    if is_managed:
        return PermissionMissing(Right.MANAGE_ACCOUNTS)
    return PermissionDenied("the admin is for superusers")


def _action(page: str) -> str:
    """Return the action of the audit log that a page of the admin requests."""
    _app, _, rest = page.partition("_")
    model, _, verb = rest.rpartition("_")
    action = f"{VERBS.get(verb, '')}_{model}".replace("freezewindow", "freeze")
    return action if action in ACTIONS else "use_admin"
