"""The base of the admin's lists: read-only, and as fast with millions of rows as with a hundred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.cloudformation.status import COMPLETE, FAILED, IN_PROGRESS
from deployments.environments.display.badges import ENVIRONMENT
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.environment_state import EnvironmentState
from deployments.stacks.models.stacks import Stack

if TYPE_CHECKING:
    Rows = admin.ModelAdmin[Model]
    Pages = Paginator[Any]
else:  # generic for type checkers only
    Pages = Paginator
    Rows = admin.ModelAdmin

_STATUSES = {"failed": FAILED, "progress": IN_PROGRESS, "complete": COMPLETE}


NEWEST = 10_000
"""Rows that filters, searches and orders of a list cover: without an index that fits, all would be read."""
OFFERED = 50
"""Environments that a filter offers at most."""
_PLAIN = frozenset({"p", "e", "all"})
"""Parameters of a list's address that only choose the page."""


class CappedPaginator(Pages):
    """Counts up to a limit: a table of millions of rows is never counted completely for the page numbers."""

    limit = 5000

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most `limit`."""
        rows: Any = self.object_list
        return len(rows.values_list("pk")[: self.limit])


class RelatedRowsChangeList(ChangeList):
    """A list that reads related rows in queries of their own.

    In a join, the database may read the large table from the wrong end and sort all of it for one page.
    """

    def apply_select_related(self, qs: Any) -> Any:
        """Return the rows with the related ones of `list_select_related`."""
        related: Any = self.list_select_related
        return qs.prefetch_related(*related or ())


class AccountFilter(admin.RelatedFieldListFilter):
    """Filters by account; the one that holds recordings is not offered."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Return the choices."""
        return field.get_choices(
            include_blank=False,
            ordering=self.field_admin_ordering(field, request, model_admin),
            limit_choices_to={"is_recording": False},
        )


class EnvironmentFilter(admin.RelatedFieldListFilter):
    """Filters by environment. Of very many, none is offered: searching for a name finds their rows."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Return the choices, without the environments of recordings; the chosen one is always there."""
        rows = Environment.objects.without_recordings().order_by("name")
        found = list(rows.values_list("pk", "name")[: OFFERED + 1])
        if len(found) <= OFFERED:
            return found
        chosen = [int(value) for value in self.lookup_val or () if str(value).isdecimal()]
        return list(rows.filter(pk__in=chosen).values_list("pk", "name"))

    def has_output(self) -> bool:
        """Return whether there is a choice."""
        return bool(self.lookup_choices)


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


class StateFilter(admin.SimpleListFilter):
    """Filters environments by their state."""

    title = _("status")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [(str(state), label) for state, (_kind, _glyph, label) in ENVIRONMENT.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the choice."""
        chosen = next((state for state in EnvironmentState if state == self.value()), None)
        return queryset.in_state(chosen) if chosen else queryset  # type: ignore[attr-defined]  # of environments


class ManagedAccounts:
    """The permissions of accounts: the right to manage accounts, in place of Django's."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may manage accounts."""
        return can(request.user, Right.MANAGE_ACCOUNTS)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user may manage accounts."""
        return can(request.user, Right.MANAGE_ACCOUNTS)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user may manage accounts."""
        return can(request.user, Right.MANAGE_ACCOUNTS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user may manage accounts."""
        return can(request.user, Right.MANAGE_ACCOUNTS)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user may manage accounts."""
        return can(request.user, Right.MANAGE_ACCOUNTS)


class ReadOnly(Rows):
    """Rows that the portal writes: they cannot be added, changed or deleted in the admin.

    No list counts, joins, searches or sorts its whole table, so that it opens fast with millions of events.
    """

    # From a row to its deployment, or its stack: rows of recordings are not listed.
    deployment_path: str | None = None
    stack_path: str | None = None
    # With this parameter in a list's address, an index finds the rows: all are listed, not the newest alone.
    indexed_lookup: str | None = None
    paginator = CappedPaginator
    show_full_result_count = False
    list_select_related: ClassVar[Any] = ()
    list_per_page = 50
    search_help_text = _("Filters, searches and sorting cover the newest 10,000 rows.")
    actions = None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the class of the list."""
        return RelatedRowsChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Return the rows without those of recordings, which are nothing that this portal did.

        Of a list that is filtered, searched or ordered, return the newest ones.
        """
        rows = super().get_queryset(request)
        asked = set(request.GET) - _PLAIN if self._is_list(request) else set()
        if asked and self.indexed_lookup not in asked:
            floor = self.model._default_manager.order_by("-pk").values_list("pk", flat=True)[
                NEWEST : NEWEST + 1
            ]
            rows = rows.filter(pk__gt=next(iter(floor), 0))
        if self.stack_path:
            recorded = Stack.objects.filter(deployment__environment__account__is_recording=True)
            return rows.exclude(**{f"{self.stack_path}__in": recorded.values("pk")})
        if self.deployment_path:
            # The keys are read first: a join would make the database read a large table from its end.
            keys = list(Deployment.objects.recordings().order_by().values_list("pk", flat=True))
            return rows.exclude(**{f"{self.deployment_path}__in": keys})
        return rows

    @staticmethod
    def _is_list(request: HttpRequest) -> bool:
        found = request.resolver_match
        return found is not None and str(found.url_name).endswith("_changelist")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Return whether a parameter of the address may filter the rows."""
        return lookup == self.indexed_lookup or super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False
