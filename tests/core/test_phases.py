"""The status of each phase, during a deployment and after it."""

from __future__ import annotations

from deployments.core.phases import (
    ACTIVE,
    TERMINAL,
    TRANSITIONS,
    Kind,
    State,
    phase_statuses,
)


def statuses(kind: Kind, state: State, last_phase: State | None = None) -> str:
    """Return one letter for each phase: Done, In progress, Pending, Failed, Rolled back."""
    letters = {"done": "D", "progress": "I", "pending": "P", "failed": "F", "rolled-back": "R"}
    return "".join(letters[status] for _, status in phase_statuses(kind, state, last_phase or state))


def test_phases_before_the_current_one_are_done_and_later_ones_pending() -> None:
    assert statuses(Kind.CREATE, State.PREFLIGHT) == "IPPPPPP"
    assert statuses(Kind.CREATE, State.STACKS) == "DDDIPPP"
    assert statuses(Kind.UPDATE, State.READY) == "DDDDDDI"
    assert statuses(Kind.DELETE, State.PREFLIGHT) == "IP"
    assert statuses(Kind.DELETE, State.STACKS) == "DI"


def test_the_last_phase_of_a_deployment_has_its_result() -> None:
    assert statuses(Kind.CREATE, State.FAILED, State.ARTIFACTS) == "DFPPPPP"
    assert statuses(Kind.CREATE, State.ROLLED_BACK, State.STACKS) == "DDDRPPP"
    assert statuses(Kind.DELETE, State.FAILED, State.STACKS) == "DF"


def test_after_a_success_every_phase_is_done_even_one_that_was_skipped() -> None:
    assert statuses(Kind.CREATE, State.SUCCEEDED, State.READY) == "DDDDDDD"
    assert statuses(Kind.DELETE, State.SUCCEEDED, State.PREFLIGHT) == "DD"


def test_every_active_state_has_transitions_and_no_final_state_has() -> None:
    assert all(TRANSITIONS[state] for state in ACTIVE)
    assert not any(TRANSITIONS[state] for state in TERMINAL)
