"""The states of a deployment, the transitions between them, and the phases that pages show."""

from __future__ import annotations

from collections.abc import Set
from enum import StrEnum

from deployments.cloudformation.status import DisplayStatus


class Kind(StrEnum):
    """What a deployment changes."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ROLLBACK = "rollback"  # continues a rollback that failed
    ROLLBACK_UPDATE = "rollback_update"  # of an update kept after a failure, to the last complete state
    ROLLBACK_CREATION = "rollback_creation"  # of a creation kept after a failure: it empties the stack


AFTER_FAILURE = frozenset({Kind.ROLLBACK_UPDATE, Kind.ROLLBACK_CREATION})
"""The kinds that roll back a stack kept after a failure (RollbackStack)."""
ROLLBACKS = AFTER_FAILURE | {Kind.ROLLBACK}
"""The kinds whose goal is a rollback."""
DELETING = frozenset({Kind.DELETE, Kind.ROLLBACK_CREATION})
"""The kinds that delete the stacks' resources, dependent ones first."""


class State(StrEnum):
    """The state of a deployment: phases, waits between two of them (`WAITS`), and final states."""

    PREFLIGHT = "preflight"
    ARTIFACTS = "artifacts"
    CHANGE_SET = "change_set"
    PREVIEW = "preview"
    APPROVAL = "approval"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SNAPSHOT = "snapshot"
    SERVERS = "servers"
    STACKS = "stacks"
    CONFIGURATION = "configuration"
    TRAFFIC = "traffic"
    READY = "ready"
    PROTECT = "protect"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    CANCELED = "canceled"


TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.ROLLED_BACK, State.CANCELED})
ACTIVE = frozenset(State) - TERMINAL
"""Not ended: the dispatcher publishes their steps. Previews and waits do not occupy the environment."""
_BEFORE = (State.PREFLIGHT, State.ARTIFACTS, State.CHANGE_SET)
_FROM_STACKS = (State.STACKS, State.CONFIGURATION, State.TRAFFIC, State.READY)
PHASES: dict[Kind, tuple[State, ...]] = {
    Kind.CREATE: (*_BEFORE, *_FROM_STACKS, State.PROTECT),
    Kind.UPDATE: (*_BEFORE, State.PREVIEW, State.SNAPSHOT, State.SERVERS, *_FROM_STACKS, State.PROTECT),
    Kind.DELETE: (State.PREFLIGHT, State.STACKS),
    Kind.ROLLBACK: (State.PREFLIGHT, *_FROM_STACKS),
    Kind.ROLLBACK_UPDATE: (State.PREFLIGHT, *_FROM_STACKS),
    Kind.ROLLBACK_CREATION: (State.PREFLIGHT, State.STACKS),
}
OPTIONAL = frozenset({State.SNAPSHOT, State.SERVERS, State.PROTECT})
"""Phases that only some deployments have: SNAPSHOT if databases are saved before a change, SERVERS for a
release to running servers, PROTECT to switch on deletion protection (an update: if it completes a kept
creation)."""
WAITS = frozenset({State.APPROVAL, State.SCHEDULED, State.QUEUED})
"""Waits between two phases: for a second person, for the scheduled time, or for a free environment."""
BEFORE_STACKS = frozenset({*_BEFORE, State.PREVIEW, *WAITS, State.SNAPSHOT})
"""Before anything is changed in AWS: a permanent failure ends the deployment."""
AFTER_STACKS = (State.CONFIGURATION, State.TRAFFIC, State.READY)
"""CloudFormation has finished; the deployment waits for what it created."""
PAST_STACKS = frozenset({*AFTER_STACKS, State.PROTECT})
"""The last phases of a deployment whose stacks were complete."""
_ENDS_EARLY = frozenset({State.FAILED, State.CANCELED})
TRANSITIONS: dict[State, frozenset[State]] = {
    State.PREFLIGHT: _ENDS_EARLY | {State.ARTIFACTS, State.STACKS, State.SUCCEEDED},
    State.ARTIFACTS: _ENDS_EARLY | {State.CHANGE_SET},
    State.CHANGE_SET: _ENDS_EARLY | {State.PREVIEW, State.STACKS, State.SUCCEEDED},
    State.PREVIEW: _ENDS_EARLY | {State.CHANGE_SET, *WAITS},
    # An approved deletion begins with its preflight.
    State.APPROVAL: _ENDS_EARLY | {State.CHANGE_SET, State.SCHEDULED, State.QUEUED, State.PREFLIGHT},
    State.SCHEDULED: _ENDS_EARLY | {State.CHANGE_SET, State.APPROVAL, State.QUEUED},
    # A scheduled creation begins with its preflight.
    State.QUEUED: _ENDS_EARLY
    | {State.CHANGE_SET, State.APPROVAL, State.SNAPSHOT, State.SERVERS, State.STACKS, State.PREFLIGHT},
    # If the stack was changed outside of Sanso meanwhile, there is a new preview.
    State.SNAPSHOT: _ENDS_EARLY | {State.CHANGE_SET, State.APPROVAL, State.SERVERS, State.STACKS},
    # A release that only rolls servers back changes nothing in the stacks.
    State.SERVERS: _ENDS_EARLY | {State.STACKS, State.SUCCEEDED},
    State.STACKS: TERMINAL | {State.CONFIGURATION},
    State.CONFIGURATION: _ENDS_EARLY | {State.TRAFFIC},
    State.TRAFFIC: _ENDS_EARLY | {State.READY},
    State.READY: _ENDS_EARLY | {State.PROTECT, State.SUCCEEDED},
    State.PROTECT: frozenset({State.SUCCEEDED, State.FAILED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.ROLLED_BACK: frozenset(),
    State.CANCELED: frozenset(),
}


def display_status_of(state: State) -> DisplayStatus:
    """Return the status to display for a deployment in this state."""
    return {
        State.SUCCEEDED: DisplayStatus.DONE,
        State.FAILED: DisplayStatus.FAILED,
        State.ROLLED_BACK: DisplayStatus.ROLLED_BACK,
        State.CANCELED: DisplayStatus.CANCELLED,
        **dict.fromkeys((State.PREVIEW, *WAITS), DisplayStatus.WAITING),
    }.get(state, DisplayStatus.PROGRESS)


def phases_of(kind: Kind, optional: Set[State] = frozenset()) -> tuple[State, ...]:
    """Return the phases of a deployment of this kind; of `OPTIONAL` ones, those in `optional`."""
    return tuple(phase for phase in PHASES[kind] if phase not in OPTIONAL - optional)


def phase_statuses(
    kind: Kind,
    state: State,
    last_phase: State,
    *,
    optional: Set[State] = frozenset(),
    is_back: bool = False,
) -> list[tuple[State, DisplayStatus]]:
    """Return the phases of a deployment of this kind, each with the status to display.

    `last_phase` is the phase in which it ended. While it runs, `state` is the current phase; while it rolls
    back (`is_back`), the phases to come will not run.
    """
    phases = phases_of(kind, optional | {last_phase})
    current = phases.index(last_phase if state not in phases else state)
    done = len(phases) if state is State.SUCCEEDED else current
    return [
        (phase, _phase_status(number, done=done, current=current, state=state, is_back=is_back))
        for number, phase in enumerate(phases)
    ]


def _phase_status(number: int, *, done: int, current: int, state: State, is_back: bool) -> DisplayStatus:
    if number < done:
        return DisplayStatus.DONE
    if number == current:
        return display_status_of(state)
    return DisplayStatus.NOT_RUN if is_back or state in TERMINAL else DisplayStatus.PENDING


ADOPT_DRIFT = "take_over"
