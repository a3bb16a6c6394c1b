"""Locks of environments, for reading only."""

from __future__ import annotations

from django.contrib import admin

from deployments.admin.rows import AccountFilter, ReadOnly
from deployments.locks.models import EnvironmentLock


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
