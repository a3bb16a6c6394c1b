"""The base of the admin's lists: read-only, with a limited count of rows and the portal's badges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from deployments.core.status import COMPLETE, FAILED, IN_PROGRESS
from deployments.models import Deployment

if TYPE_CHECKING:
    Rows = admin.ModelAdmin[Model]
    Pages = Paginator[Any]
else:  # generic for type checkers only
    Pages = Paginator
    Rows = admin.ModelAdmin

_STATUSES = {"failed": FAILED, "progress": IN_PROGRESS, "complete": COMPLETE}


class CappedPaginator(Pages):
    """Counts up to a limit: a table of millions of rows is never counted completely for the page numbers."""

    limit = 5000

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most `limit`."""
        rows: Any = self.object_list
        return len(rows.values_list("pk")[: self.limit])


class AccountFilter(admin.RelatedFieldListFilter):
    """Filters by account; the one that holds recordings is not offered."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Return the choices."""
        return field.get_choices(
            include_blank=False,
            ordering=self.field_admin_ordering(field, request, model_admin),
            limit_choices_to={"is_recording": False},
        )


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

    # From a row to its deployment: rows of recordings are not listed.
    deployment_path: str | None = None
    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Return the rows without those of recordings, which are nothing that this portal did.

        The recordings' keys are read first: a join would make the database read a large table from its end.
        """
        rows = super().get_queryset(request)
        if self.deployment_path is None:
            return rows
        recorded = list(Deployment.objects.recordings().values_list("pk", flat=True))
        return rows.exclude(**{f"{self.deployment_path}__in": recorded})

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False
