"""Template sets, their versions, branches, tags and fetches, for reading only."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from deployments.admin.rows import ReadOnly
from deployments.common.texts import stored_text
from deployments.template_sets.models.sources import TemplateFetch, TemplateSource
from deployments.template_sets.models.versions import TemplateRef, TemplateVersion


@admin.register(TemplateSource)
class TemplateSourceAdmin(ReadOnly):
    """Where template sets come from; credentials are not displayed."""

    list_display = ("name", "kind", "url", "refs", "is_bundled", "fetched_at", "displayed_error")
    list_filter = ("kind", "is_bundled")
    search_fields = ("name", "url")
    fields = readonly_fields = (
        *("name", "kind", "url", "path", "refs", "is_bundled", "host_key", "fetch_minutes"),
        *("created_by", "created_at", "removed_at", "fetched_at", "displayed_error"),
    )
    list_select_related = ("created_by",)

    @admin.display(description=_("error"))
    def displayed_error(self, source: TemplateSource) -> str:
        """Return why the last fetch failed, in the reader's language."""
        return stored_text(source.error_sentence)


@admin.register(TemplateVersion)
class TemplateVersionAdmin(ReadOnly):
    """What was fetched, newest first."""

    list_display = ("source", "number", "label", "commit", "author", "authored_at", "status", "fetched_at")
    list_filter = ("status",)
    search_fields = ("commit", "digest", "message")
    fields = readonly_fields = (
        *("source", "number", "commit", "digest", "names", "author", "authored_at", "message"),
        *("fetched_by", "fetched_at", "status", "status_reason", "status_by", "status_at"),
    )
    list_select_related = ("source",)
    ordering = ("-pk",)

    @admin.display(description=_("name"))
    def label(self, version: TemplateVersion) -> str:
        """Return the tag, branch or short commit by which pages name a version."""
        return version.label


@admin.register(TemplateRef)
class TemplateRefAdmin(ReadOnly):
    """Branches and tags, and which moved."""

    list_display = ("source", "name", "version", "is_tag", "moved_from", "moved_at", "confirmed_at")
    list_filter = ("is_tag",)
    search_fields = ("name",)
    list_select_related = ("source", "version", "moved_from")


@admin.register(TemplateFetch)
class TemplateFetchAdmin(ReadOnly):
    """Fetches of template sets, newest first."""

    list_display = (
        *("source", "state", "trigger", "requested_by", "created_at", "ended_at", "added"),
        "displayed_error",
    )
    list_filter = ("state", "trigger")
    search_fields = ("source__name",)
    list_select_related = ("source", "requested_by")
    ordering = ("-pk",)
    fields = readonly_fields = (
        *("source", "state", "trigger", "requested_by", "created_at", "started_at", "ended_at", "added"),
        "displayed_error",
    )

    @admin.display(description=_("error"))
    def displayed_error(self, fetch: TemplateFetch) -> str:
        """Return why it failed, in the reader's language."""
        return stored_text(fetch.error_sentence)
