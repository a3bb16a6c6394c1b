"""The only writer of events: numbers them without a gap and moves the stack and resource rows along.

The fastest way measured that loses nothing: lock the deployment's row, look up which event ids are known,
insert the new ones, advance `last_seq`. INSERT IGNORE would lose events silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from deployments import events
from deployments.aws.cloudformation import StackEvent
from deployments.core.resource_state import ResourceState, StatusChange, apply
from deployments.core.timeline import in_ms, union
from deployments.models import Deployment, Event, Resource, Stack
from deployments.runner import repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event to be written: CloudFormation's, or the portal's own with a code and values."""

    event_id: str
    at: datetime
    stack: Stack | None = None
    event: StackEvent | None = None
    code: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return what tells the entry from all others of its deployment."""
        return Event.key_for(self.stack.path if self.stack else "", self.event_id)


def of_stack(stack: Stack, event: StackEvent) -> Entry:
    """Return the entry of a stack event."""
    return Entry(event_id=event.event_id, at=event.at, stack=stack, event=event)


def add(deployment: Deployment, code: str, /, *, key: str = "", **values: Any) -> bool:
    """Write one of the portal's own events, once for each code and key. Returns whether it was written."""
    event_id = f"portal:{code}:{key}" if key else f"portal:{code}"
    return bool(append(deployment, [Entry(event_id=event_id, at=timezone.now(), code=code, values=values)]))


def append(deployment: Deployment, entries: Sequence[Entry]) -> int:
    """Write the entries that are not known yet, in their order, and return how many these were.

    Rows of stacks and resources change in the same transaction, so that whoever sees a number sees what
    it did. Open pages hear of it after the commit.
    """
    if not entries:
        return 0
    with transaction.atomic():
        locked = Deployment.objects.select_for_update().get(pk=deployment.pk)
        unique = {entry.key: entry for entry in entries}
        known = set(
            Event.objects.filter(deployment=locked, key__in=list(unique)).values_list("key", flat=True)
        )
        new = [entry for key, entry in unique.items() if key not in known]
        if not new:
            return 0
        last = locked.last_seq
        rows = [_row(locked, last + i, e) for i, e in enumerate(new, 1)]
        repeats.mark(locked, rows)
        Event.objects.bulk_create(rows)
        _move_rows([e for e in new if e.event is not None])
        Deployment.objects.filter(pk=locked.pk).update(last_seq=last + len(new))
        deployment.last_seq = last + len(new)
        transaction.on_commit(partial(events.announce, locked.pk, deployment.last_seq), robust=True)
    return len(new)


def _row(deployment: Deployment, seq: int, entry: Entry) -> Event:
    row = Event(
        deployment=deployment, seq=seq, event_id=entry.event_id, key=entry.key, at=entry.at, source="portal"
    )
    event = entry.event
    if event is None:
        row.code, row.values = entry.code, entry.values
        return row
    row.source, row.stack = "cloudformation", entry.stack
    row.logical_id, row.physical_id, row.type = event.logical_id, event.physical_id, event.type
    row.status, row.reason = event.status, event.reason
    return row


_MOVED = ("status", "reason", "started_at", "changed_at", "ended_at", "changes")


def _move_rows(entries: Iterable[Entry]) -> None:
    """Bring the Stack and Resource rows to where the events say they are."""
    by_stack: dict[int, tuple[Stack, list[StackEvent]]] = {}
    for entry in entries:
        if entry.stack is not None and entry.event is not None:
            by_stack.setdefault(entry.stack.pk, (entry.stack, []))[1].append(entry.event)
    for stack, stack_events in by_stack.values():
        _move_resources(stack, [e for e in stack_events if not e.is_of_the_stack])
        own = [e for e in stack_events if e.is_of_the_stack]
        if own:
            node = _node(stack, stack.stack_id)
            for event in own:
                node = apply(node, _change(event))
            _put(stack, node)
            stack.changes = union(stack.changes, [_moment(event) for event in own])
            stack.name = own[-1].stack_name
            stack.save(update_fields=["name", *_MOVED])


def _move_resources(stack: Stack, stack_events: list[StackEvent]) -> None:
    wanted = {event.logical_id for event in stack_events}
    rows = {r.logical_id: r for r in Resource.objects.filter(stack=stack, logical_id__in=wanted)}
    fresh: list[Resource] = []
    for event in stack_events:
        row = rows.get(event.logical_id)
        if row is None:
            row = rows[event.logical_id] = Resource(stack=stack, logical_id=event.logical_id, type=event.type)
            fresh.append(row)
        node = apply(_node(row, row.physical_id), _change(event))
        _put(row, node)
        row.physical_id = node.physical_id
        row.type = event.type or row.type
        row.changes = union(row.changes, [_moment(event)])
    Resource.objects.bulk_create(fresh)
    old = [row for row in rows.values() if row not in fresh]
    Resource.objects.bulk_update(old, ["physical_id", "type", *_MOVED])


def _node(row: Stack | Resource, physical_id: str) -> ResourceState:
    return ResourceState(
        status=row.status,
        reason=row.reason,
        physical_id=physical_id,
        started_at=row.started_at,
        changed_at=row.changed_at,
        ended_at=row.ended_at,
    )


def _put(row: Stack | Resource, node: ResourceState) -> None:
    row.status, row.reason = node.status, node.reason
    row.started_at, row.changed_at, row.ended_at = node.started_at, node.changed_at, node.ended_at


def _moment(event: StackEvent) -> list[int | str]:
    return [in_ms(event.at), event.status]


def _change(event: StackEvent) -> StatusChange:
    return StatusChange(at=event.at, status=event.status, reason=event.reason, physical_id=event.physical_id)
