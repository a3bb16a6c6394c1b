"""The effect of canceling for every kind, state and root stack status."""

from __future__ import annotations

import pytest

from deployments.cloudformation.operations import Operation, is_allowed
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.rules.cancel_effects import CancelEffect, cancel_effect
from deployments.environments.rules.phases import ROLLBACKS, TERMINAL, Kind, State
from tests.cloudformation.test_operations import STATUSES


@pytest.mark.parametrize(
    ("kind", "state", "expected"),
    [
        (Kind.CREATE, State.PREFLIGHT, CancelEffect.END),
        (Kind.CREATE, State.CHANGE_SET, CancelEffect.END),
        (Kind.UPDATE, State.PREVIEW, CancelEffect.DISCARD),
        (Kind.UPDATE, State.QUEUED, CancelEffect.DISCARD),
        (Kind.UPDATE, State.SCHEDULED, CancelEffect.DISCARD),
        (Kind.DELETE, State.APPROVAL, CancelEffect.DISCARD),
        (Kind.CREATE, State.CONFIGURATION, CancelEffect.STOP_WAITING),
        (Kind.UPDATE, State.READY, CancelEffect.STOP_WAITING),
        (Kind.ROLLBACK, State.TRAFFIC, CancelEffect.STOP_WAITING),
        (Kind.CREATE, State.PROTECT, CancelEffect.LEAVE_UNPROTECTED),
    ],
)
def test_outside_the_stacks_the_phase_decides(kind: Kind, state: State, expected: CancelEffect) -> None:
    assert cancel_effect(kind, state, "CREATE_COMPLETE") is expected


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("kind", [Kind.CREATE, Kind.UPDATE])
def test_in_the_stacks_the_table_of_operations_decides(kind: Kind, status: str) -> None:
    effect = cancel_effect(kind, State.STACKS, status)
    if status == "REVIEW_IN_PROGRESS" or is_allowed(status, Operation.CANCEL):
        assert effect is (CancelEffect.DELETE if kind is Kind.CREATE else CancelEffect.ROLL_BACK)
    else:
        assert isinstance(effect, Message)


def test_an_operation_that_has_not_begun_can_be_stopped() -> None:
    assert cancel_effect(Kind.UPDATE, State.STACKS, "") is CancelEffect.ROLL_BACK


@pytest.mark.parametrize("state", [State.PREFLIGHT, State.STACKS])
def test_a_deletion_is_never_canceled(state: State) -> None:
    assert cancel_effect(Kind.DELETE, state, "DELETE_IN_PROGRESS") == Message(Code.DELETION_NOT_CANCELED)


@pytest.mark.parametrize("kind", sorted(ROLLBACKS))
def test_cloudformation_does_not_cancel_a_rollback(kind: Kind) -> None:
    for state in (State.PREFLIGHT, State.STACKS):
        assert cancel_effect(kind, state, "") == Message(Code.ROLLBACK_NOT_CANCELED)


@pytest.mark.parametrize("state", sorted(TERMINAL))
@pytest.mark.parametrize("kind", list(Kind))
def test_an_ended_deployment_says_so(kind: Kind, state: State) -> None:
    assert cancel_effect(kind, state, "") == Message(Code.CANCEL_AFTER_END)
