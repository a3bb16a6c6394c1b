"""The status of each phase during and after a deployment."""

from __future__ import annotations

from deployments.environments.rules.phases import (
    ACTIVE,
    TERMINAL,
    TRANSITIONS,
    Kind,
    State,
    phase_statuses,
    phases_of,
)


def statuses(kind: Kind, state: State, last_phase: State | None = None) -> str:
    """Return one letter for each phase: Done, In progress, Pending, Failed, Rolled back, - for not run."""
    letters = {"done": "D", "progress": "I", "pending": "P", "failed": "F", "rolled-back": "R"}
    letters |= {"not-run": "-", "waiting": "W", "cancelled": "C"}
    return "".join(letters[status] for _, status in phase_statuses(kind, state, last_phase or state))


def test_phases_before_the_current_one_are_done_and_later_ones_pending() -> None:
    assert statuses(Kind.CREATE, State.PREFLIGHT) == "IPPPPPP"
    assert statuses(Kind.CREATE, State.STACKS) == "DDDIPPP"
    assert statuses(Kind.UPDATE, State.READY) == "DDDDDDDI"
    assert statuses(Kind.UPDATE, State.PREVIEW) == "DDDWPPPP"
    assert statuses(Kind.UPDATE, State.QUEUED, State.PREVIEW) == "DDDWPPPP"
    assert statuses(Kind.DELETE, State.PREFLIGHT) == "IP"
    assert statuses(Kind.DELETE, State.STACKS) == "DI"


def test_the_last_phase_of_a_deployment_has_its_result_and_later_ones_did_not_run() -> None:
    assert statuses(Kind.CREATE, State.FAILED, State.ARTIFACTS) == "DF-----"
    assert statuses(Kind.CREATE, State.ROLLED_BACK, State.STACKS) == "DDDR---"
    assert statuses(Kind.DELETE, State.FAILED, State.STACKS) == "DF"
    assert statuses(Kind.UPDATE, State.CANCELED, State.PREVIEW) == "DDDC----"


def test_while_the_stacks_roll_back_the_phases_to_come_will_not_run() -> None:
    found = phase_statuses(Kind.CREATE, State.STACKS, State.STACKS, is_back=True)

    assert [status.value for _, status in found][3:] == ["progress", "not-run", "not-run", "not-run"]


def test_after_a_success_every_phase_is_done_even_one_that_was_skipped() -> None:
    assert statuses(Kind.CREATE, State.SUCCEEDED, State.READY) == "DDDDDDD"
    assert statuses(Kind.DELETE, State.SUCCEEDED, State.PREFLIGHT) == "DD"


def test_every_active_state_has_transitions_and_no_final_state_has() -> None:
    assert all(TRANSITIONS[state] for state in ACTIVE)
    assert not any(TRANSITIONS[state] for state in TERMINAL)


def test_a_change_has_the_phase_of_servers_only_with_a_release() -> None:
    without = phases_of(Kind.UPDATE)
    with_release = phases_of(Kind.UPDATE, {State.SERVERS})

    assert State.SERVERS not in without
    assert with_release.index(State.SERVERS) == with_release.index(State.STACKS) - 1
    assert [phase for phase in with_release if phase is not State.SERVERS] == list(without)
    assert all(State.SERVERS not in phases_of(kind, {State.PROTECT}) for kind in Kind)


def test_a_release_that_failed_shows_its_phase_and_that_the_stacks_did_not_run() -> None:
    assert statuses(Kind.UPDATE, State.FAILED, State.SERVERS) == "DDDDF----"
    found = phase_statuses(Kind.UPDATE, State.STACKS, State.STACKS, optional={State.SERVERS})
    assert [status.value for _, status in found][4:6] == ["done", "progress"]
