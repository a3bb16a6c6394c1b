"""The states of a deployment, the ways between them, and the phases that people see."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a deployment changes."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class State(StrEnum):
    """Where a deployment stands. The first seven are phases of work, the others are ends."""

    PREFLIGHT = "preflight"
    ARTIFACTS = "artifacts"
    CHANGE_SET = "change_set"
    STACKS = "stacks"
    CONFIGURATION = "configuration"
    TRAFFIC = "traffic"
    READY = "ready"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


ENDS = frozenset({State.SUCCEEDED, State.FAILED, State.ROLLED_BACK})
ACTIVE = frozenset(State) - ENDS
_CHANGE = (
    State.PREFLIGHT,
    State.ARTIFACTS,
    State.CHANGE_SET,
    State.STACKS,
    State.CONFIGURATION,
    State.TRAFFIC,
    State.READY,
)
PHASES: dict[Kind, tuple[State, ...]] = {
    Kind.CREATE: _CHANGE,
    Kind.UPDATE: _CHANGE,
    Kind.DELETE: (State.PREFLIGHT, State.STACKS),
}
STARTS = frozenset({State.PREFLIGHT, State.ARTIFACTS, State.CHANGE_SET})
"""In these nothing was made in AWS yet: what goes wrong for good ends the deployment."""
AFTER_STACKS = (State.CONFIGURATION, State.TRAFFIC, State.READY)
"""CloudFormation is done; what it made is waited for."""
ALLOWED: dict[State, frozenset[State]] = {
    State.PREFLIGHT: frozenset({State.ARTIFACTS, State.STACKS, State.SUCCEEDED, State.FAILED}),
    State.ARTIFACTS: frozenset({State.CHANGE_SET, State.FAILED}),
    State.CHANGE_SET: frozenset({State.STACKS, State.FAILED}),
    State.STACKS: ENDS | {State.CONFIGURATION},
    State.CONFIGURATION: frozenset({State.TRAFFIC, State.FAILED}),
    State.TRAFFIC: frozenset({State.READY, State.FAILED}),
    State.READY: frozenset({State.SUCCEEDED, State.FAILED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.ROLLED_BACK: frozenset(),
}


class Progress(StrEnum):
    """How a phase stands."""

    PENDING = "pending"
    ACTIVE = "progress"
    DONE = "done"
    FAILED = "failed"


def phase_progress(kind: Kind, state: State, last_phase: State) -> list[tuple[State, Progress]]:
    """Return every phase of a deployment of this kind with how it stands.

    `last_phase` is the phase it was in when it ended; while it runs, `state` is the phase itself.
    """
    phases = PHASES[kind]
    current = phases.index(last_phase if state in ENDS else state)
    at_current = {
        State.SUCCEEDED: Progress.DONE,
        State.FAILED: Progress.FAILED,
        State.ROLLED_BACK: Progress.FAILED,
    }.get(state, Progress.ACTIVE)
    done = len(phases) if state is State.SUCCEEDED else current
    return [
        (phase, Progress.DONE if i < done else at_current if i == current else Progress.PENDING)
        for i, phase in enumerate(phases)
    ]
