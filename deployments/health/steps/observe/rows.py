"""Update rows to the observed state: create new ones, write changed ones, date the others."""

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
    """Create and write the rows of `wanted` (key → values), and date them.

    `new` are additional values of a new row; `since` is the name of the field with the time of the last
    change of state. Return whether anything has changed, and the rows that are not in `wanted`.
    """
    known = {tuple(getattr(row, name) for name in key): row for row in rows}
    appeared, stayed, gone = _divided(known, wanted)
    rows.model._default_manager.bulk_create(
        [rows.model(**dict(zip(key, names, strict=True)), **{**new, **wanted[names]}) for names in appeared],
        ignore_conflicts=True,
    )
    changed = {names: _set_values(known[names], wanted[names], now, since) for names in stayed}
    fields = {since} if since else set()
    different = [known[names] for names, yes in changed.items() if yes]
    _write(rows.model, different, fields.union(*wanted.values()), now)
    _date(rows.model, [known[names].pk for names, yes in changed.items() if not yes], now)
    return bool(appeared or different), [known[names] for names in gone]


Keys = list[tuple[Any, ...]]


def _divided(known: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> tuple[Keys, Keys, Keys]:
    """Return the keys that are new, those that exist and those that are gone, in their order."""
    appeared = [names for names in wanted if names not in known]
    stayed = [names for names in known if names in wanted]
    return appeared, stayed, [names for names in known if names not in wanted]


def _write(model: type[Model], different: Sequence[Any], fields: set[str], now: datetime) -> None:
    """Write these fields of rows that have changed, and date them."""
    if _has(model, "observed_at"):
        fields = fields | {"observed_at"}
        for row in different:
            row.observed_at = now
    if different:
        model._default_manager.bulk_update(different, sorted(fields))


def _date(model: type[Model], same: Sequence[int], now: datetime) -> None:
    """Date rows that have not changed."""
    if same and _has(model, "observed_at"):
        model._default_manager.filter(pk__in=same).update(observed_at=now)


def _set_values(row: Model, values: Values, now: datetime, since: str) -> bool:
    """Set the values of the row. Return whether one has changed."""
    different = [name for name, value in values.items() if getattr(row, name) != value]
    for name in different:
        setattr(row, name, values[name])
    if since and "state" in different:
        setattr(row, since, now)
    return bool(different)


def _has(model: type[Model], name: str) -> bool:
    return any(field.name == name for field in model._meta.get_fields())
