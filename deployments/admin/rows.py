"""The base of the admin's lists: read-only, with a limited count of rows and the portal's badges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.forms import Media
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from deployments.core.status import COMPLETE, FAILED, IN_PROGRESS

if TYPE_CHECKING:
    Rows = admin.ModelAdmin[Model]
    Pages = Paginator[Any]
else:  # generic for type checkers only
    Pages = Paginator
    Rows = admin.ModelAdmin

_STATUSES = {"failed": FAILED, "progress": IN_PROGRESS, "complete": COMPLETE}
STYLE = Media(css={"all": ["portal/palette.css", "portal/admin.css"]})


class CappedPaginator(Pages):
    """Counts up to a limit: a table of millions of rows is never counted completely for the page numbers."""

    limit = 5000

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most `limit`."""
        rows: Any = self.object_list
        return len(rows.values_list("pk")[: self.limit])


class StatusFilter(admin.SimpleListFilter):
    """Filters by the result of a CloudFormation status; Django's own filter would read the whole column."""

    title = _("status")
    parameter_name = "result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("failed", _("Failed")), ("progress", _("In progress")), ("complete", _("Complete"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the choice."""
        chosen = _STATUSES.get(self.value() or "")
        return queryset.filter(status__in=chosen) if chosen else queryset


class ReadOnly(Rows):
    """Rows that the portal writes: they cannot be added, changed or deleted in the admin.

    No list counts its whole table, so that it opens fast with millions of events.
    """

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    actions = None

    @property
    def media(self) -> Media:
        """Return Django's files and the colors of the badges."""
        return super().media + STYLE

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False
