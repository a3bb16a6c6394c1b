"""The operations that CloudFormation accepts in each stack status, and the reasons why it rejects others."""

from __future__ import annotations

import botocore.session
import pytest
from django.utils import translation

from deployments.cloudformation.operations import Operation, is_allowed, refusal
from deployments.cloudformation.status import is_final
from deployments.common.message_codes import Code
from deployments.common.texts import message_text

_MODEL = botocore.session.get_session().get_service_model("cloudformation")
STATUSES: list[str] = list(_MODEL.shape_for("StackStatus").enum)  # type: ignore[attr-defined]
CHANGE, RETRY, CANCEL, ROLL_BACK, CONTINUE, DELETE, FORCE = Operation
ACCEPTED: dict[str, set[Operation]] = {
    "REVIEW_IN_PROGRESS": {DELETE},
    "CREATE_IN_PROGRESS": {CANCEL, DELETE},
    "CREATE_FAILED": {RETRY, ROLL_BACK, DELETE},
    "CREATE_COMPLETE": {CHANGE, DELETE},
    "ROLLBACK_IN_PROGRESS": {DELETE},
    "ROLLBACK_FAILED": {DELETE},
    "ROLLBACK_COMPLETE": {DELETE},
    "UPDATE_IN_PROGRESS": {CANCEL},
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": set(),
    "UPDATE_COMPLETE": {CHANGE, DELETE},
    "UPDATE_FAILED": {RETRY, ROLL_BACK, DELETE},
    "UPDATE_ROLLBACK_IN_PROGRESS": set(),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": set(),
    "UPDATE_ROLLBACK_COMPLETE": {CHANGE, DELETE},
    "UPDATE_ROLLBACK_FAILED": {CONTINUE, DELETE},
    "DELETE_IN_PROGRESS": set(),
    "DELETE_FAILED": {DELETE, FORCE},
    "DELETE_COMPLETE": set(),
    "IMPORT_IN_PROGRESS": set(),
    "IMPORT_COMPLETE": {CHANGE, DELETE},
    "IMPORT_ROLLBACK_IN_PROGRESS": set(),
    "IMPORT_ROLLBACK_COMPLETE": {CHANGE, DELETE},
    "IMPORT_ROLLBACK_FAILED": {DELETE},
}


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_of_botocore_accepts_exactly_what_aws_documents(status: str) -> None:
    assert {operation for operation in Operation if is_allowed(status, operation)} == ACCEPTED[status]


@pytest.mark.parametrize("status", STATUSES)
def test_every_refusal_has_a_reason_of_its_own_in_both_languages(status: str) -> None:
    for operation in Operation:
        if message := refusal(status, operation):
            assert message.code is not Code.STACK_STATUS_UNKNOWN
            with translation.override("en"):
                english = message_text(message)
            with translation.override("ja"):
                japanese = message_text(message)
            assert english != japanese
            assert "%(" not in english + japanese


@pytest.mark.parametrize("status", STATUSES)
def test_a_final_status_has_a_way_out_until_the_stack_is_gone(status: str) -> None:
    if is_final(status) and status != "DELETE_COMPLETE":
        assert any(is_allowed(status, operation) for operation in Operation)


def test_nothing_is_accepted_without_a_stack_or_in_an_unknown_status() -> None:
    for operation in Operation:
        without, unknown = refusal("", operation), refusal("MERGE_COMPLETE", operation)
        assert without is not None
        assert without.code is Code.STACK_NEVER_CREATED
        assert unknown is not None
        assert unknown.params == {"status": "MERGE_COMPLETE"}
