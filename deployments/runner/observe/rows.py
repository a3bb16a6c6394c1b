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
    appeared, stayed, gone = _divided(known, wanted)
    rows.model._default_manager.bulk_create(
        [rows.model(**dict(zip(key, names, strict=True)), **{**new, **wanted[names]}) for names in appeared],
        ignore_conflicts=True,
    )
    changed = {names: _put(known[names], wanted[names], now, since) for names in stayed}
    fields = {since} if since else set()
    different = [known[names] for names, yes in changed.items() if yes]
    _write(rows.model, different, fields.union(*wanted.values()), now)
    _date(rows.model, [known[names].pk for names, yes in changed.items() if not yes], now)
    return bool(appeared or different), [known[names] for names in gone]


Keys = list[tuple[Any, ...]]


def _divided(known: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> tuple[Keys, Keys, Keys]:
    """Return the keys that appeared, those that stayed and those that are gone, in their order."""
    appeared = [names for names in wanted if names not in known]
    stayed = [names for names in known if names in wanted]
    return appeared, stayed, [names for names in known if names not in wanted]


def _write(model: type[Model], different: Sequence[Any], fields: set[str], now: datetime) -> None:
    """Write these fields of rows that are different, and their date."""
    if _has(model, "observed_at"):
        fields = fields | {"observed_at"}
        for row in different:
            row.observed_at = now
    if different:
        model._default_manager.bulk_update(different, sorted(fields))


def _date(model: type[Model], same: Sequence[int], now: datetime) -> None:
    """Date rows that are as they were."""
    if same and _has(model, "observed_at"):
        model._default_manager.filter(pk__in=same).update(observed_at=now)


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
