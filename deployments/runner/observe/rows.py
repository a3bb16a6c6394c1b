"""Bringing rows to what was observed: new ones made, changed ones written, the rest only dated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

Values = Mapping[str, Any]


def sync(
    rows: QuerySet[Any],
    key: Sequence[str],
    wanted: Mapping[tuple[Any, ...], Values],
    now: datetime,
    *,
    new: Values,
    since: str = "",
) -> tuple[bool, list[Any]]:
    """Make and write the rows of `wanted` (key → values), and date them.

    `new` are the values of a row that is made; `since` names the field that tells how long the row's state
    has been as it is. Returns whether anything is different, and the rows that are not wanted any more.
    """
    known = {tuple(getattr(row, name) for name in key): row for row in rows}
    fresh = [
        rows.model(**dict(zip(key, names, strict=True)), **{**new, **values})
        for names, values in wanted.items()
        if names not in known
    ]
    different = [
        row for names, row in known.items() if names in wanted and _put(row, wanted[names], now, since)
    ]
    same = [row.pk for names, row in known.items() if names in wanted and row not in different]
    gone = [row for names, row in known.items() if names not in wanted]
    rows.model._default_manager.bulk_create(fresh, ignore_conflicts=True)
    dated = _has(rows.model, "observed_at")
    for row in different if dated else ():
        row.observed_at = now
    if different:
        names = {name for values in wanted.values() for name in values}
        names |= {since} if since else set()
        names |= {"observed_at"} if dated else set()
        rows.model._default_manager.bulk_update(different, sorted(names))
    if dated and same:
        rows.model._default_manager.filter(pk__in=same).update(observed_at=now)
    return bool(fresh or different), gone


def _put(row: Model, values: Values, now: datetime, since: str) -> bool:
    """Write the values into the row. Returns whether one was different."""
    different = [name for name, value in values.items() if getattr(row, name) != value]
    for name in different:
        setattr(row, name, values[name])
    if since and "state" in different:
        setattr(row, since, now)
    return bool(different)


def _has(model: type[Model], name: str) -> bool:
    return any(field.name == name for field in model._meta.get_fields())
