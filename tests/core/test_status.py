"""Every word of CloudFormation's is known; unknown ones never take a page down."""

from __future__ import annotations

import botocore.session
import pytest

from deployments.core.outcome import outcome
from deployments.core.phases import Kind, State
from deployments.core.status import (
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


def words(shape: str) -> list[str]:
    model = botocore.session.get_session().get_service_model("cloudformation")
    return list(model.shape_for(shape).enum)  # type: ignore[attr-defined]


@pytest.mark.parametrize("word", sorted({*words("StackStatus"), *words("ResourceStatus")}))
def test_every_status_of_botocores_enums_has_a_meaning(word: str) -> None:
    assert word in FAILED | COMPLETE | IN_PROGRESS | {"DELETE_SKIPPED"}
    assert is_final(word) == ("IN_PROGRESS" not in word)


def test_no_status_has_two_results() -> None:
    assert not FAILED & COMPLETE
    assert not IN_PROGRESS & (FAILED | COMPLETE)


def test_a_stack_that_failed_or_was_rolled_back_is_a_problem() -> None:
    assert {"CREATE_FAILED", "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_IN_PROGRESS"} <= PROBLEMS
    assert not PROBLEMS & {"", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "DELETE_COMPLETE"}


@pytest.mark.parametrize(
    ("word", "operation"),
    [
        ("CREATE_FAILED", OperationKind.CREATE),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", OperationKind.UPDATE),
        ("UPDATE_ROLLBACK_COMPLETE", OperationKind.ROLLBACK),
        ("DELETE_SKIPPED", OperationKind.DELETE),
    ],
)
def test_a_status_belongs_to_one_operation(word: str, operation: OperationKind) -> None:
    assert operation_of(word) is operation


def test_an_unknown_status_is_displayed_neutrally() -> None:
    assert display_status("TELEPORT_IN_PROGRESS") is DisplayStatus.PROGRESS
    assert display_status("PAUSED") is DisplayStatus.DONE
    assert not is_final("TELEPORT_IN_PROGRESS")


def test_a_cancelled_sibling_is_not_shown_as_failed() -> None:
    assert display_status("CREATE_FAILED", "Resource creation cancelled") is DisplayStatus.CANCELLED
    assert display_status("CREATE_FAILED", "Quota exceeded") is DisplayStatus.FAILED


def test_a_wanted_delete_is_not_shown_as_failed() -> None:
    assert display_status("DELETE_COMPLETE") is DisplayStatus.DELETED
    assert display_status("DELETE_SKIPPED") is DisplayStatus.DONE


@pytest.mark.parametrize("word", words("StackStatus"))
def test_a_deployment_never_ends_while_the_root_stack_moves(word: str) -> None:
    for kind in Kind:
        if "IN_PROGRESS" in word:
            assert outcome(kind, word) is None


@pytest.mark.parametrize("word", [w for w in words("StackStatus") if "IN_PROGRESS" not in w])
def test_every_final_word_ends_a_create_except_those_of_imports(word: str) -> None:
    assert (outcome(Kind.CREATE, word) is None) == word.startswith("IMPORT")


def test_a_delete_waits_through_the_old_final_status() -> None:
    assert outcome(Kind.DELETE, "CREATE_COMPLETE") is None
    assert outcome(Kind.DELETE, "ROLLBACK_COMPLETE") is None
    assert outcome(Kind.DELETE, "DELETE_COMPLETE") is State.SUCCEEDED
    assert outcome(Kind.DELETE, "DELETE_FAILED") is State.FAILED
