"""Freeze windows, which can be edited, and locks of environments, for reading only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import ForeignKey, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.admin.rows import AccountFilter, ManagedAccounts, ReadOnly
from deployments.administration.pages.forms.freezes import WindowForm
from deployments.common.pages.datetime_formats import timestamp
from deployments.environments.models.accounts import Account
from deployments.locks.commands.locks import delete_freeze, save_freeze
from deployments.locks.models import EnvironmentLock, FreezeWindow
from deployments.locks.rules import freeze_at

if TYPE_CHECKING:
    FreezeRows = admin.ModelAdmin[FreezeWindow]
else:  # generic for type checkers only
    FreezeRows = admin.ModelAdmin


@admin.register(FreezeWindow)
class FreezeWindowAdmin(ManagedAccounts, FreezeRows):
    """Times in which nothing is deployed, changed or deleted in an account."""

    form = WindowForm
    list_display = (
        "name",
        "account",
        "kind",
        "displayed_times",
        "zone",
        "is_on",
        "displayed_state",
        "reason",
    )
    list_filter = ("is_on", "kind", ("account", AccountFilter))
    search_fields = ("name", "reason")
    list_select_related = ("account",)
    fieldsets = (
        (None, {"fields": ("account", "name", "reason", "is_on")}),
        (gettext_lazy("Time"), {"fields": ("zone", "kind", "start_time", "end_time")}),
        (gettext_lazy("Every week"), {"fields": ("start_day", "end_day")}),
        (gettext_lazy("Once"), {"fields": ("start_date", "end_date")}),
    )

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **options: Any
    ) -> ModelChoiceField[Any]:
        """Offer the accounts that can be deployed to."""
        options["queryset"] = Account.objects.usable()
        return cast("ModelChoiceField[Any]", super().formfield_for_foreignkey(db_field, request, **options))

    @admin.display(description=gettext_lazy("window"))
    def displayed_times(self, window: FreezeWindow) -> str:
        """Return the start and the end by the clocks of its zone."""
        ends = []
        for at in ("start", "end"):
            day = getattr(window, f"{at}_date") or getattr(window, f"get_{at}_day_display")()
            ends.append(f"{day} {getattr(window, f'{at}_time'):%H:%M}")
        return " – ".join(ends)

    @admin.display(description=gettext_lazy("now"))
    def displayed_state(self, window: FreezeWindow) -> str:
        """Return until when the window is in force, a dash if it is not."""
        freeze = freeze_at([window.window], timezone.now()) if window.is_on else None
        if freeze is None:
            return "–"
        if freeze.until is None:
            return _("Frozen")
        return _("Frozen until %(until)s") % {"until": timestamp(freeze.until)}

    def save_model(self, request: HttpRequest, obj: FreezeWindow, form: Any, change: bool) -> None:
        """Save a window with its audit record."""
        save_freeze(user=cast("User", request.user), window=obj, changed=form.changed_data)

    def delete_model(self, request: HttpRequest, obj: FreezeWindow) -> None:
        """Delete a window with its audit record."""
        delete_freeze(user=cast("User", request.user), window=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[FreezeWindow]) -> None:
        """Delete the selected windows, each with its audit record."""
        for window in queryset:
            delete_freeze(user=cast("User", request.user), window=window)


@admin.register(EnvironmentLock)
class EnvironmentLockAdmin(ReadOnly):
    """Locks of environments, newest first, with how they ended."""

    list_display = (
        "environment",
        "owner",
        "reason",
        "created_at",
        "expires_at",
        "end",
        "ended_by",
        "end_reason",
    )
    list_filter = ("end", ("environment__account", AccountFilter))
    search_fields = ("environment__name", "reason", "end_reason", "owner__username")
    list_select_related = ("environment", "owner", "ended_by")
    ordering = ("-pk",)
