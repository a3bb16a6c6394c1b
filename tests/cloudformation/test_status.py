"""The meaning of every CloudFormation status, and of unknown ones."""

from __future__ import annotations

import botocore.session
import pytest

from deployments.cloudformation.status import (
    COMPLETE,
    FAILED,
    IN_PROGRESS,
    PROBLEMS,
    DisplayStatus,
    OperationKind,
    display_status,
    is_final,
    operation_of,
)
from deployments.environments.rules.outcome import outcome
from deployments.environments.rules.phases import Kind, State


def statuses(shape: str) -> list[str]:
    model = botocore.session.get_session().get_service_model("cloudformation")
    return list(model.shape_for(shape).enum)  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", sorted({*statuses("StackStatus"), *statuses("ResourceStatus")}))
def test_every_status_in_botocores_models_has_a_meaning(status: str) -> None:
    assert status in FAILED | COMPLETE | IN_PROGRESS | {"DELETE_SKIPPED"}
    assert is_final(status) == ("IN_PROGRESS" not in status)


def test_no_status_has_two_results() -> None:
    assert not FAILED & COMPLETE
    assert not IN_PROGRESS & (FAILED | COMPLETE)


def test_a_stack_that_failed_or_was_rolled_back_is_a_problem() -> None:
    assert {"CREATE_FAILED", "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_IN_PROGRESS"} <= PROBLEMS
    assert not PROBLEMS & {"", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "DELETE_COMPLETE"}


@pytest.mark.parametrize(
    ("status", "operation"),
    [
        ("CREATE_FAILED", OperationKind.CREATE),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", OperationKind.UPDATE),
        ("UPDATE_ROLLBACK_COMPLETE", OperationKind.ROLLBACK),
        ("DELETE_SKIPPED", OperationKind.DELETE),
    ],
)
def test_a_status_belongs_to_an_operation(status: str, operation: OperationKind) -> None:
    assert operation_of(status) is operation


def test_an_unknown_status_is_displayed_as_neutral() -> None:
    assert display_status("TELEPORT_IN_PROGRESS") is DisplayStatus.PROGRESS
    assert display_status("PAUSED") is DisplayStatus.DONE
    assert not is_final("TELEPORT_IN_PROGRESS")


def test_a_canceled_resource_is_not_displayed_as_failed() -> None:
    assert display_status("CREATE_FAILED", "Resource creation cancelled") is DisplayStatus.CANCELLED
    assert display_status("CREATE_FAILED", "Quota exceeded") is DisplayStatus.FAILED


def test_a_deletion_is_not_displayed_as_failed() -> None:
    assert display_status("DELETE_COMPLETE") is DisplayStatus.DELETED
    assert display_status("DELETE_SKIPPED") is DisplayStatus.DONE


@pytest.mark.parametrize("status", statuses("StackStatus"))
def test_a_deployment_does_not_end_while_the_root_stack_is_in_progress(status: str) -> None:
    for kind in Kind:
        if "IN_PROGRESS" in status:
            assert outcome(kind, status) is None


@pytest.mark.parametrize("status", [w for w in statuses("StackStatus") if "IN_PROGRESS" not in w])
def test_every_final_status_ends_a_creation_except_those_of_imports(status: str) -> None:
    assert (outcome(Kind.CREATE, status) is None) == status.startswith("IMPORT")


def test_a_deletion_does_not_end_with_the_final_status_before_it() -> None:
    assert outcome(Kind.DELETE, "CREATE_COMPLETE") is None
    assert outcome(Kind.DELETE, "ROLLBACK_COMPLETE") is None
    assert outcome(Kind.DELETE, "DELETE_COMPLETE") is State.SUCCEEDED
    assert outcome(Kind.DELETE, "DELETE_FAILED") is State.FAILED
