"""The state of an environment and its note: one of each, in the stated order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.environments.rules.environment_state import (
    EnvironmentState,
    Note,
    Situation,
    note_of,
    state_of,
)
from deployments.environments.rules.health_status import HealthStatus

SITUATIONS = st.builds(
    Situation,
    health=st.sampled_from(HealthStatus),
    is_deleted=st.booleans(),
    is_gone=st.booleans(),
    is_changing=st.booleans(),
    was_created=st.booleans(),
)
NOTES = st.sets(st.sampled_from(Note))


@given(SITUATIONS)
def test_the_first_fact_in_the_order_decides(situation: Situation) -> None:
    state = state_of(situation)

    assert (state is EnvironmentState.DELETED) == situation.is_deleted
    if not situation.is_deleted:
        assert (state is EnvironmentState.IN_PROGRESS) == situation.is_changing
    if not (situation.is_deleted or situation.is_changing):
        if not situation.was_created:
            assert state is EnvironmentState.CREATION_FAILED
        elif situation.is_gone:
            assert state is EnvironmentState.UNHEALTHY
        else:
            assert str(state) == str(situation.health)


@given(st.sampled_from(EnvironmentState), NOTES)
def test_there_is_one_note_and_no_other_that_belongs_to_the_state_is_more_important(
    state: EnvironmentState, found: set[Note]
) -> None:
    note = note_of(state, found)

    assert note is None or note in found
    order = list(Note)
    for other in found:
        if note_of(state, {other}) is not None:
            assert note is not None
            assert order.index(note) <= order.index(other)


@given(SITUATIONS, NOTES)
def test_the_note_never_speaks_of_another_state(situation: Situation, found: set[Note]) -> None:
    state = state_of(situation)
    note = note_of(state, found)

    if state is EnvironmentState.DELETED:
        assert note is None
    if state is EnvironmentState.IN_PROGRESS:
        assert note in (None, Note.NEEDS_ATTENTION, Note.DEPLOYMENT)
    if note is Note.COMPONENT:
        assert state in (EnvironmentState.UNHEALTHY, EnvironmentState.DEGRADED)


@pytest.mark.parametrize(
    ("state", "found", "expected"),
    [
        (EnvironmentState.HEALTHY, {Note.CHANGE_FAILED, Note.WAITING}, Note.CHANGE_FAILED),
        (EnvironmentState.HEALTHY, {Note.WAITING, Note.UPDATE_AVAILABLE}, Note.WAITING),
        (EnvironmentState.DEGRADED, {Note.CHANGE_FAILED, Note.COMPONENT}, Note.COMPONENT),
        (EnvironmentState.UNHEALTHY, {Note.STACK_MISSING, Note.COMPONENT}, Note.STACK_MISSING),
        (EnvironmentState.HEALTHY, {Note.COMPONENT, Note.NOT_MEASURED}, None),
    ],
)
def test_examples(state: EnvironmentState, found: set[Note], expected: Note | None) -> None:
    assert note_of(state, found) is expected
