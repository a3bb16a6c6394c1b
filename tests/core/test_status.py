"""Every word of CloudFormation's is known; unknown ones never take a page down."""

from __future__ import annotations

import botocore.session
import pytest

from deployments.core.outcome import outcome
from deployments.core.phases import Kind, State
from deployments.core.status import DisplayStatus, display_status, is_final, reduce_word


def words(shape: str) -> list[str]:
    model = botocore.session.get_session().get_service_model("cloudformation")
    return list(model.shape_for(shape).enum)  # type: ignore[attr-defined]


@pytest.mark.parametrize("word", sorted({*words("StackStatus"), *words("ResourceStatus")}))
def test_every_word_of_botocores_enums_has_a_meaning(word: str) -> None:
    assert reduce_word(word).final == ("IN_PROGRESS" not in word)


def test_an_unknown_word_is_refused_loudly_and_shown_neutrally() -> None:
    with pytest.raises(ValueError, match="unknown CloudFormation status 'PAUSED'"):
        reduce_word("PAUSED")
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
