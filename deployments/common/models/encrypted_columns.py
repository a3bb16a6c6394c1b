"""All columns whose values are encrypted with SECRET_KEY: count the values by key, and encrypt them again.

Columns are found by name, so that none is forgotten: it begins with `sealed_`, or is listed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db.models import Model

from deployments.common.models.encryption import is_current, renewed

FURTHER = frozenset({"secret_fingerprints"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a model."""

    model: type[Model]
    name: str

    def __str__(self) -> str:
        return f"{self.model._meta.db_table}.{self.name}"


@dataclass(slots=True, kw_only=True)
class EncryptedCount:
    """The number of values that only an earlier key decrypts, and of those that no key decrypts."""

    current: int = 0
    old: int = 0
    unreadable: int = 0


def columns() -> list[Column]:
    """Return every column with encrypted values."""
    return [
        Column(model=model, name=field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.name.startswith("sealed_") or field.name in FURTHER
    ]


def _values(column: Column) -> Iterator[tuple[object, str]]:
    rows = column.model._default_manager.exclude(**{column.name: ""}).order_by("pk")
    yield from rows.values_list("pk", column.name).iterator(chunk_size=200)


def count() -> EncryptedCount:
    """Return the counts of all values by the key that decrypts them."""
    found = EncryptedCount()
    for column in columns():
        for _, stored in _values(column):
            if is_current(stored):
                found.current += 1
            elif renewed(stored) != stored:
                found.old += 1
            else:
                found.unreadable += 1
    return found


def encrypt_again() -> EncryptedCount:
    """Encrypt with the current key all values that only an earlier one decrypts. Return the counts.

    A value that changes meanwhile is left alone: it is encrypted with the current key then.
    """
    found = EncryptedCount()
    for column in columns():
        for pk, stored in list(_values(column)):
            if is_current(stored):
                found.current += 1
                continue
            fresh = renewed(stored)
            if fresh == stored:
                found.unreadable += 1
                continue
            rows = column.model._default_manager.filter(pk=pk, **{column.name: stored})
            rows.update(**{column.name: fresh})
            found.old += 1
    return found
