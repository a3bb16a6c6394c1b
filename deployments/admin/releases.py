"""Releases to running servers, and their servers, for reading only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from deployments.admin.rows import AccountFilter, EnvironmentFilter, ReadOnly
from deployments.changes.pages.preview.cards import kind_label
from deployments.cloudformation.release_kind import PHASED, ReleaseKind
from deployments.common.texts import stored_text
from deployments.environments.display import badges
from deployments.releases.display import stage_badge
from deployments.releases.models import ReleaseServer, ServerRelease


class KindFilter(admin.SimpleListFilter):
    """Filter by the kind of a release; Django's own filter would read the whole column."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [(str(kind), kind_label(kind)) for kind in ReleaseKind if kind in PHASED]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the choice."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(ServerRelease)
class ServerReleaseAdmin(ReadOnly):
    """Releases to running servers, newest first, with the stage of each server."""

    deployment_path = "deployment"
    list_display = (
        *("id", "deployment_number", "environment", "account", "displayed_kind", "version"),
        *("displayed_state", "stages", "started_at", "ended_at"),
    )
    list_display_links = ("id", "deployment_number")
    list_filter = (
        KindFilter,
        "deployment__state",
        ("returning_at", admin.EmptyFieldListFilter),
        ("deployment__environment", EnvironmentFilter),
        ("deployment__environment__account", AccountFilter),
    )
    search_fields = ("deployment__environment__name", "group", "failed_server")
    list_select_related = (
        *("deployment__environment__account", "deployment__template_version__source"),
        "servers",
    )
    fields = readonly_fields = (
        *("deployment", "environment", "account", "displayed_kind", "version", "displayed_state"),
        *("stages", "started_at", "ended_at", "group", "association", "processes", "suspended_at"),
        *("resumed_at", "returning_at", "failed_server", "displayed_failure"),
    )
    ordering = ("-pk",)

    @admin.display(description=_("deployment"), ordering="deployment")
    def deployment_number(self, release: ServerRelease) -> str:
        """Return the number of its deployment."""
        return str(release.deployment_id)

    @admin.display(description=_("environment"))
    def environment(self, release: ServerRelease) -> str:
        """Return the environment's name."""
        return release.deployment.environment.name

    @admin.display(description=_("account"))
    def account(self, release: ServerRelease) -> str:
        """Return the account's name."""
        return release.deployment.environment.account.name

    @admin.display(description=_("kind"))
    def displayed_kind(self, release: ServerRelease) -> str:
        """Return its kind in words."""
        return kind_label(ReleaseKind(release.kind))

    @admin.display(description=_("version"))
    def version(self, release: ServerRelease) -> str:
        """Return the version that it brings, or the digest of its files."""
        version = release.deployment.template_version
        return version.label if version else release.deployment.template_digest[:8] or "–"

    @admin.display(description=_("state"))
    def displayed_state(self, release: ServerRelease) -> SafeString:
        """Return the state of its deployment."""
        return badges.deployment_status(release.deployment)

    @admin.display(description=_("servers"))
    def stages(self, release: ServerRelease) -> SafeString:
        """Return each server with its stage, one a line."""
        lines = ((one.instance_id, stage_badge(one)) for one in release.servers.all())
        return format_html_join(SafeString("<br>"), "{} {}", lines)

    @admin.display(description=_("ended"))
    def ended_at(self, release: ServerRelease) -> str:
        """Return the end of its deployment."""
        ended = release.deployment.ended_at
        return localize(localtime(ended)) if ended else "-"

    @admin.display(description=_("message"))
    def displayed_failure(self, release: ServerRelease) -> str:
        """Return why servers go back, in the reader's language."""
        return stored_text(release.failure)


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
    def deployment(self, server: ReleaseServer) -> SafeString:
        """Return the number of the release's deployment, as a link to the release."""
        address = reverse("admin:deployments_serverrelease_change", args=[server.release_id])
        return format_html('<a href="{}">{}</a>', address, server.release.deployment_id)

    @admin.display(description=_("message"))
    def displayed_message(self, server: ReleaseServer) -> str:
        """Return why it failed, in the reader's language."""
        return stored_text(server.message)
