"""What is added, changed and deleted in the admin has an audit record in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from deployments.access.models.audit_records import AuditRecord

if TYPE_CHECKING:
    Rows = admin.ModelAdmin[Any]
else:  # generic for type checkers only
    Rows = object

_VALUES = "_recorded_values"
"""The attribute of a request with the values of its form."""


class RecordedAdmin(Rows):
    """A mixin of the lists that write by themselves, without a command of a package.

    The audit records are written where Django writes its own log of the admin, in the same transaction.
    """

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """Return Django's message, and keep what the form changes."""
        setattr(request, _VALUES, _values(form))
        return super().construct_change_message(request, form, formsets, add)

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Write the records of a new row."""
        _write(request, obj, "add", "add")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Write the records of a changed row."""
        _write(request, obj, "edit", "change")
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Write a record for each row that will be deleted."""
        for obj in queryset:
            _write(request, obj, "delete", "delete", before={"name": str(obj)})
        return super().log_deletions(request, queryset)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Run actions of the list in a transaction: Django's own for single rows have one."""
        if request.method != "POST":
            return super().changelist_view(request, extra_context)
        with transaction.atomic():
            return super().changelist_view(request, extra_context)


def _write(
    request: HttpRequest,
    obj: Model,
    verb: str,
    right: str,
    before: Mapping[str, Any] | None = None,
) -> None:
    options = obj._meta
    kept, after = getattr(request, _VALUES, ({}, {}))
    AuditRecord.objects.write(
        action=f"{verb}_{options.model_name}",
        user=cast("User", request.user),
        permission=f"{options.app_label}.{right}_{options.model_name}",
        name=str(obj),
        before=dict(before) if before is not None else ({} if verb == "add" else kept),
        after={} if verb == "delete" else after,
        details={"id": obj.pk},
    )


def _values(form: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of the changed fields before and after; of passwords only that they changed."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name in form.changed_data:
        if "password" in name:
            before["password"], after["password"] = "before", "changed"
            continue
        before[name] = _plain(form.get_initial_for_field(form.fields[name], name))
        after[name] = _plain(form.cleaned_data.get(name))
    return before, after


def _plain(value: object) -> object:
    """Return a value that JSON has; of several rows their names."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Iterable):
        return sorted(str(one) for one in value)
    return str(value)
