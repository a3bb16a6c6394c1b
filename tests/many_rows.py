"""Many rows of a table, like one that is there."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.db.models import Model, UUIDField


def add_copies(row: Model, count: int, **varied: Callable[[int], Any]) -> None:
    """Store rows with the values of a saved one; those of `varied` are computed from each row's number."""
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    values = {field.attname: getattr(row, field.attname) for field in fields if field.attname not in varied}
    ids = [field.attname for field in fields if isinstance(field, UUIDField) and field.unique]
    type(row)._default_manager.bulk_create(
        type(row)(
            **values
            | {name: uuid.uuid4() for name in ids}
            | {name: value(number) for name, value in varied.items()}
        )
        for number in range(count)
    )
