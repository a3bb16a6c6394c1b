"""Find events that repeat an earlier one when they are written, by the last event of each resource."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Stack
from deployments.stacks.rules.duplicate_events import LastEvent, is_duplicate


def mark(deployment: Deployment, rows: Sequence[Event]) -> None:
    """Set `repeat_of` of events that are about to be written, in their order.

    Call it with the deployment's row locked. It makes three queries, none if there are no events of stacks.
    """
    of_stacks = [row for row in rows if row.stack is not None]
    if not of_stacks:
        return
    latest = {event.subject: _last_event(event) for event in _latest(deployment, of_stacks)}
    for row in of_stacks:
        event = _last_event(row)
        before = latest.get(row.subject)
        if before and is_duplicate(before, event):
            row.repeat_of = before.first
            event = _last_event(row)
        latest[row.subject] = event


def _last_event(event: Event) -> LastEvent:
    return LastEvent(
        first=event.repeat_of or event.seq,
        status=event.status,
        reason=event.reason,
        stack=event.stack.path if event.stack else "",
    )


def _latest(deployment: Deployment, events: Iterable[Event]) -> list[Event]:
    """Return the last event of each resource, in its own stack and in the parent."""
    subjects = {row.subject for row in events}
    paths = subjects | {subject.rpartition("/")[0] for subject in subjects}
    stacks = list(Stack.objects.filter(deployment=deployment, path__in=paths))
    names = {subject.rpartition("/")[2] for subject in subjects} | {stack.name for stack in stacks}
    numbers = Event.objects.latest_of([stack.pk for stack in stacks], names)
    return list(Event.objects.of(deployment).numbered(numbers))
