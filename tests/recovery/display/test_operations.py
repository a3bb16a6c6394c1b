"""The operations that a page offers for every stack status, and the reasons for unavailable ones."""

from __future__ import annotations

import botocore.session
import pytest

from deployments.cloudformation.operations import Operation, is_allowed
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.rules.phases import Kind
from deployments.recovery.display.operations import ROUTES, OperationContext, offered

_MODEL = botocore.session.get_session().get_service_model("cloudformation")
STATUSES: list[str] = list(_MODEL.shape_for("StackStatus").enum)  # type: ignore[attr-defined]


def everything(permission: str) -> bool:
    return True


@pytest.mark.parametrize("status", STATUSES)
def test_each_operation_of_a_status_has_an_address_or_a_reason(status: str) -> None:
    for one in offered(OperationContext(status=status), everything, 7):
        is_cancel = one.operation is Operation.CANCEL  # Sanso has not requested the operation in progress
        assert bool(one.url) is (is_allowed(status, one.operation) and not is_cancel)
        assert bool(one.reason) is not bool(one.url)
        assert one.label
        assert one.description


@pytest.mark.parametrize("operation", list(ROUTES))
def test_without_the_permission_the_reason_names_the_role(operation: Operation) -> None:
    statuses = [status for status in STATUSES if is_allowed(status, operation)]
    active = Kind.UPDATE if operation is Operation.CANCEL else None
    for status in statuses:
        situation = OperationContext(status=status, active=active, name="shop")
        found = {one.operation: one for one in offered(situation, lambda _: False, 7)}
        role = "Admin" if operation is Operation.FORCE_DELETE else "Deployer"
        assert found[operation].reason == f"You need the role {role} for shop."


def test_while_a_deployment_runs_it_can_be_canceled_and_a_change_requested() -> None:
    situation = OperationContext(status="UPDATE_COMPLETE", active=Kind.UPDATE)
    assert [one.operation for one in offered(situation, everything, 7) if one.url] == [
        Operation.CANCEL, Operation.CHANGE,
    ]  # fmt: skip
    deleting = OperationContext(
        status="DELETE_IN_PROGRESS",
        active=Kind.DELETE,
        cancel_refusal=Message(Code.DELETION_NOT_CANCELED),
    )
    assert not [one for one in offered(deleting, everything, 7) if one.url]


def test_an_environment_without_a_stack_can_only_be_deleted() -> None:
    assert [one.operation for one in offered(OperationContext(status=""), everything, 7) if one.url] == [
        Operation.DELETE
    ]


def test_nothing_is_offered_for_a_stack_that_is_gone() -> None:
    assert not [
        one for one in offered(OperationContext(status="", is_missing=True), everything, 7) if one.url
    ]


def test_a_lock_leaves_previews_and_a_freeze_what_begins_nothing() -> None:
    locked = Message(Code.ENVIRONMENT_LOCKED, {"user": "ana", "environment": "staging", "reason": "audit"})
    frozen = Message(Code.ACCOUNT_FROZEN, {"account": "main", "name": "sale", "reason": "sale"})
    situations = {
        "lock": OperationContext(status="UPDATE_COMPLETE", lock=locked),
        "freeze": OperationContext(status="UPDATE_COMPLETE", freeze=frozen),
    }
    found = {
        hold: {one.operation: one for one in offered(situation, everything, 7)}
        for hold, situation in situations.items()
    }

    assert found["lock"][Operation.CHANGE].url
    assert found["freeze"][Operation.CHANGE].url
    assert found["lock"][Operation.DELETE].reason == "ana locked staging: “audit”"
    assert "main is frozen" in found["freeze"][Operation.DELETE].reason


def test_a_creation_is_canceled_by_who_may_create() -> None:
    situation = OperationContext(status="CREATE_IN_PROGRESS", active=Kind.CREATE)
    found = offered(situation, lambda permission: permission == "deployments.add_deployment", 7)
    assert Operation.CANCEL in [one.operation for one in found if one.url]


def test_an_operation_that_was_not_requested_here_is_not_canceled_here() -> None:
    found = {
        one.operation: one for one in offered(OperationContext(status="UPDATE_IN_PROGRESS"), everything, 7)
    }
    assert "was not requested here" in found[Operation.CANCEL].reason
