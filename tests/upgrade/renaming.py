"""Returns the fixture as if a release had written it just now, about stacks that the tests created."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.upgrade.dump import Dump, Table, set_keys
from tests.upgrade.matching import Matched, Row

TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+")
"""A time in a column, or in the JSON of one."""
CHAINED = "deployments_audit"
"""How the names of tables begin whose rows have a hash over their times."""


def moved_to(dump: Dump, now: datetime) -> Dump:
    """Return the fixture with all times moved, so that the release stopped at `now`.

    Else previews and approvals would expire, and scheduled times pass, as the fixture grows old.
    """
    moved = now.astimezone(UTC).replace(tzinfo=None) - stopped_at(dump)

    def time(found: re.Match[str]) -> str:
        return (datetime.fromisoformat(found[0]) + moved).isoformat(found[0][10], "microseconds")

    tables = {
        name: table if name.startswith(CHAINED) else _with_text(table, lambda text: TIME.sub(time, text))
        for name, table in dump.tables.items()
    }
    set_keys(tables)
    return replace(dump, tables=tables)


def stopped_at(dump: Dump) -> datetime:
    """Return when the release took its last step."""
    steps = (row["ticked_at"] for row in dump.records("deployments_deployment"))
    return datetime.fromisoformat(max(filter(None, steps)))


def renamed(dump: Dump, replayed: Iterable[Matched]) -> Dump:
    """Return the fixture with every old name replaced by the new one."""
    names: dict[str, str] = {}
    events: dict[tuple[int, str], str] = {}
    changes: dict[int, list[tuple[int, str]]] = {}
    for one in replayed:
        names |= {old: new for old, new in one.names.items() if old and new and old != new}
        events |= one.events
        changes |= one.changes

    def event(row: Row) -> Row:
        return row | {"event_id": events.get((row["stack_id"], row["event_id"]), row["event_id"])}

    def stack(row: Row) -> Row:
        changed = {"changes": json.dumps(changes[row["id"]])} if row["id"] in changes else {}
        return row | changed | {"bookmark": events.get((row["id"], row["bookmark"]), row["bookmark"])}

    tables = dict(dump.tables)
    tables["deployments_event"] = _changed(dump, "deployments_event", event)
    tables["deployments_stack"] = _changed(dump, "deployments_stack", stack)
    if names:
        pattern = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))
        tables = {
            name: _with_text(table, lambda text: pattern.sub(lambda found: names[found[0]], text))
            for name, table in tables.items()
        }
    set_keys(tables)
    return replace(dump, tables=tables)


def _changed(dump: Dump, name: str, change: Callable[[Row], Row]) -> Table:
    columns = dump.tables[name].columns
    changed = map(change, dump.records(name))
    return Table(columns=columns, rows=[[row[column] for column in columns] for row in changed])


def _with_text(table: Table, change: Callable[[str], str]) -> Table:
    def cell(value: Any) -> Any:
        return change(value) if isinstance(value, str) else value

    return replace(table, rows=[[cell(value) for value in row] for row in table.rows])
