"""Audit records and stored template sets, for reading only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from deployments.access.models.audit_records import AuditRecord
from deployments.access.texts.commands import ACTIONS, permission_name
from deployments.access.texts.roles import RIGHTS
from deployments.admin.rows import ReadOnly
from deployments.cloudformation.status import DisplayStatus
from deployments.common.texts import stored_text
from deployments.environments.display import badges
from deployments.template_sets.models.stored_sets import DeployedSet


class ActionFilter(admin.SimpleListFilter):
    """Filter by what was requested; Django's own filter would read the whole column."""

    title = _("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return list(ACTIONS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the choice."""
        return queryset.filter(action=self.value()) if self.value() in ACTIONS else queryset


class PermissionFilter(admin.SimpleListFilter):
    """Filter by the permission under which it was requested."""

    title = _("permission")
    parameter_name = "with"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [(str(right), name) for right, name in RIGHTS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the choice."""
        chosen = self.value()
        return queryset.filter(permission=chosen) if chosen in RIGHTS else queryset


@admin.register(AuditRecord)
class AuditRecordAdmin(ReadOnly):
    """Who requested what, newest first."""

    list_display = (
        *("at", "user", "displayed_action", "name", "displayed_outcome", "reason", "displayed_refusal"),
        "displayed_permission",
    )
    list_filter = ("outcome", ActionFilter, PermissionFilter, "at", "user")
    search_fields = ("name", "reason", "user__username")
    list_select_related = ("user",)
    ordering = ("-pk",)
    fields = readonly_fields = (
        *("at", "user", "displayed_action", "displayed_permission", "displayed_outcome"),
        *("displayed_refusal", "reason", "name", "environment", "deployment", "details", "before", "after"),
        *("username", "by", "by_id", "address", "request_id", "seq", "hash"),
    )

    @admin.display(description=_("action"), ordering="action")
    def displayed_action(self, record: AuditRecord) -> str:
        """Return what was requested, in the reader's language."""
        return str(ACTIONS.get(record.action, record.action))

    @admin.display(description=_("permission"))
    def displayed_permission(self, record: AuditRecord) -> str:
        """Return the permission's name."""
        return permission_name(record.permission)

    @admin.display(description=_("outcome"), ordering="outcome")
    def displayed_outcome(self, record: AuditRecord) -> SafeString:
        """Return whether it was accepted."""
        status = DisplayStatus.FAILED if record.outcome == "refused" else DisplayStatus.DONE
        return badges.status_badge(status, record.get_outcome_display())

    @admin.display(description=_("why it was refused"))
    def displayed_refusal(self, record: AuditRecord) -> str:
        """Return why it was refused, in the reader's language."""
        return stored_text(record.refusal)


@admin.register(DeployedSet)
class DeployedSetAdmin(ReadOnly):
    """The template sets that deployments used, newest first."""

    list_display = ("name", "digest", "created_at")
    fields = readonly_fields = ("name", "digest", "created_at")
    search_fields = ("name", "digest")
    ordering = ("-created_at",)
