"""The servers of releases, for reading only."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from deployments.admin.rows import ReadOnly
from deployments.models import ReleaseServer
from deployments.wording import stored_text


@admin.register(ReleaseServer)
class ReleaseServerAdmin(ReadOnly):
    """How far each server of a release is, newest releases first."""

    list_display = ("instance_id", "deployment", "stage", "stage_at", "failed_task")
    list_filter = ("stage",)
    search_fields = ("instance_id", "command_id")
    fields = readonly_fields = (
        *("deployment", "instance_id", "position", "stage", "stage_at", "attempt", "requested_at"),
        *("command_id", "configured_at", "failed_task", "displayed_message", "output"),
    )
    list_select_related = ("release",)
    ordering = ("-pk",)

    @admin.display(description=_("deployment"))
    def deployment(self, server: ReleaseServer) -> str:
        """Return the number of the release's deployment."""
        return str(server.release.deployment_id)

    @admin.display(description=_("message"))
    def displayed_message(self, server: ReleaseServer) -> str:
        """Return why it failed, in the reader's language."""
        return stored_text(server.message)
