"""The state of a deployment at one of its events, computed from the stored events."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployments.cloudformation.status import is_failed
from deployments.cloudformation.timeline import in_ms
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import ACTIVE, State
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource, Stack
from deployments.stacks.rules.resource_state import ResourceState, StatusChange, apply


@dataclass(frozen=True, slots=True, kw_only=True)
class PastState:
    """Rows at an earlier time; none of them may be saved. `now` is the time of the event.

    `ended_at` and `has_succeeded` are those of the deployment's final result.
    """

    deployment: Deployment
    stacks: Sequence[Stack]
    landmarks: Sequence[Event]
    now: datetime
    ended_at: datetime | None = None
    has_succeeded: bool = False


def event_times(deployment: Deployment) -> list[tuple[int, int]]:
    """Return (number, epoch milliseconds) of every event; the times never decrease."""
    found: list[tuple[int, int]] = []
    latest = 0
    for seq, at in Event.objects.of(deployment).values_list("seq", "at"):
        latest = max(latest, in_ms(at))
        found.append((seq, latest))
    return found


def as_of(deployment: Deployment, seq: int) -> PastState:
    """Return the state after the event `seq` (three queries).

    It has all rows, also those without events so far, which are pending, so that no rows appear or disappear
    during a replay.
    """
    events = list(Event.objects.of(deployment).up_to(seq))
    states: dict[tuple[int, str], ResourceState] = {}
    changes: dict[tuple[int, str], list[list[int | str]]] = {}
    for event in events:
        if event.stack is None:
            continue
        key = (event.stack.pk, "" if event.physical_id == event.stack.stack_id else event.logical_id)
        change = StatusChange(
            at=event.at, status=event.status, reason=event.reason, physical_id=event.physical_id
        )
        states[key] = apply(states.get(key, ResourceState()), change)
        changes.setdefault(key, []).append([in_ms(event.at), event.status])
    stacks = list(Stack.objects.of(deployment).prefetch_related("resources"))
    for stack in stacks:
        _set_state(stack, states.get((stack.pk, "")), changes.get((stack.pk, ""), []))
        for resource in stack.resources.all():
            key = (stack.pk, resource.logical_id)
            _set_state(resource, states.get(key), changes.get(key, []))
            resource.physical_id = states[key].physical_id if key in states else ""
    now = max((event.at for event in events), default=deployment.created_at)
    return PastState(
        deployment=_then(deployment, events, seq, now),
        stacks=stacks,
        landmarks=[e for e in events if e.source == "portal" or is_failed(e.status)],
        now=now,
        ended_at=deployment.ended_at,
        has_succeeded=deployment.state == State.SUCCEEDED,
    )


def _set_state(row: Stack | Resource, state: ResourceState | None, changes: list[list[int | str]]) -> None:
    known = state or ResourceState()
    row.status, row.reason = known.status, known.reason
    row.started_at, row.changed_at, row.ended_at = known.started_at, known.changed_at, known.ended_at
    row.changes = changes


def _then(deployment: Deployment, events: Sequence[Event], seq: int, now: datetime) -> Deployment:
    """Return the deployment's row according to the portal's own events."""
    then = copy.copy(deployment)
    then.last_seq = seq
    if then.applied_at and now < then.applied_at:
        then.applied_at = None
    if any(event.code == "ended" for event in events):
        return then
    _set_cancellation(then, events)
    phases = [str(event.values.get("phase", "")) for event in events if event.code == "phase"]
    known = [phase for phase in phases if phase in {str(state) for state in ACTIVE}]
    then.state = then.last_phase = known[-1] if known else str(State.PREFLIGHT)
    then.ended_at = then.ready_at = None
    then.protection = "wanted" if then.protects else then.protection
    then.remaining = {}
    then.error_code = then.error_message = ""
    then.error_sentence = {}
    then.polled_at = then.ticked_at = now
    attention = _attention(events)
    then.attention_code = str(attention.get("code", ""))
    then.attention = str(attention.get("message", ""))
    then.attention_sentence = _stored_message(attention)
    return then


def _set_cancellation(then: Deployment, events: Sequence[Event]) -> None:
    """Set when the cancellation was requested and accepted, as far as events report it."""
    then.cancel_requested_at = then.cancel_accepted_at = None
    for event in events:
        if event.code == "cancel.requested":
            then.cancel_requested_at, then.cancel_accepted_at = event.at, None
        elif event.code == "cancel.accepted":
            then.cancel_accepted_at = event.at


def _attention(events: Sequence[Event]) -> Mapping[str, Any]:
    """Return the values of the last event that needs attention; none if it is resolved or there is none."""
    last = next((event for event in reversed(events) if event.code in ("attention", "attention.over")), None)
    return last.values if last and last.code == "attention" else {}


def _stored_message(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message of an event; the previous version of Sanso stored it in another value."""
    stored = values.get("sentence") or values.get("message")
    return dict(stored) if isinstance(stored, Mapping) else {}
