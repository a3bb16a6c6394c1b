"""Audit records and stored template sets, for reading only."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from deployments.admin.rows import ReadOnly
from deployments.models import AuditRecord, DeployedSet
from deployments.wording import stored_text


@admin.register(AuditRecord)
class AuditRecordAdmin(ReadOnly):
    """Who requested what, newest first."""

    list_display = ("at", "user", "action", "name", "outcome", "reason", "displayed_refusal")
    list_filter = ("outcome", "action", "at", "user")
    search_fields = ("name", "reason", "user__username")
    list_select_related = ("user",)
    ordering = ("-pk",)

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
