"""The result of a deployment, by its kind and the root stack's status."""

from __future__ import annotations

import pytest

from deployments.cloudformation.status import is_final
from deployments.environments.rules.outcome import outcome
from deployments.environments.rules.phases import PHASES, Kind, State, phases_of

ENDS = [
    (Kind.CREATE, "CREATE_FAILED", State.FAILED),
    (Kind.CREATE, "ROLLBACK_COMPLETE", State.ROLLED_BACK),
    (Kind.UPDATE, "UPDATE_FAILED", State.FAILED),
    (Kind.UPDATE, "CREATE_FAILED", None),  # a retry: the status is still the previous one
    (Kind.ROLLBACK_UPDATE, "UPDATE_FAILED", None),
    (Kind.ROLLBACK_UPDATE, "UPDATE_ROLLBACK_IN_PROGRESS", None),
    (Kind.ROLLBACK_UPDATE, "UPDATE_ROLLBACK_COMPLETE", State.SUCCEEDED),
    (Kind.ROLLBACK_UPDATE, "UPDATE_ROLLBACK_FAILED", State.FAILED),
    (Kind.ROLLBACK_CREATION, "CREATE_FAILED", None),
    (Kind.ROLLBACK_CREATION, "UPDATE_FAILED", None),
    (Kind.ROLLBACK_CREATION, "ROLLBACK_COMPLETE", State.SUCCEEDED),
    (Kind.ROLLBACK_CREATION, "DELETE_COMPLETE", State.SUCCEEDED),
    (Kind.ROLLBACK_CREATION, "ROLLBACK_FAILED", State.FAILED),
]


@pytest.mark.parametrize(("kind", "status", "end"), ENDS)
def test_the_end_follows_from_the_kind_and_the_status(kind: Kind, status: str, end: State | None) -> None:
    assert outcome(kind, status) is end
    assert end is None or is_final(status)


def test_an_update_protects_only_when_it_completes_a_creation() -> None:
    assert State.PROTECT not in phases_of(Kind.UPDATE)
    assert phases_of(Kind.UPDATE, {State.PROTECT})[-1] is State.PROTECT
    assert {phases[0] for phases in PHASES.values()} == {State.PREFLIGHT}
