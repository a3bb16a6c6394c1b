"""How far a deployment is, told from the status words of its resources."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from deployments.core.phases import Kind
from deployments.core.progress import ProgressCount, count, is_done, resource_state


def words() -> list[str]:
    shapes = Loader().load_service_model("cloudformation", "service-2")["shapes"]
    return ["", *shapes["ResourceStatus"]["enum"]]


def test_a_create_counts_what_is_made() -> None:
    found = count(
        Kind.CREATE, ["CREATE_COMPLETE", "UPDATE_COMPLETE", "CREATE_IN_PROGRESS", "", "CREATE_FAILED"]
    )
    assert found == ProgressCount(2, 5)
    assert found.percent == 40


def test_a_delete_counts_what_is_gone_or_kept_on_purpose() -> None:
    found = count(Kind.DELETE, ["DELETE_COMPLETE", "DELETE_SKIPPED", "CREATE_COMPLETE", "DELETE_FAILED"])
    assert found == ProgressCount(2, 4)


@pytest.mark.parametrize("word", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "CREATE_FAILED", ""])
def test_what_a_delete_finds_in_place_waits(word: str) -> None:
    assert resource_state(Kind.DELETE, word) == ""
    assert resource_state(Kind.CREATE, word) == word


@pytest.mark.parametrize("kind", list(Kind))
def test_no_word_of_aws_is_done_before_it_is_final(kind: Kind) -> None:
    done = {word for word in words() if is_done(kind, word)}
    assert not [word for word in done if "IN_PROGRESS" in word or "FAILED" in word or not word]


@given(st.sampled_from(list(Kind)), st.lists(st.sampled_from(words())))
def test_percents_lie_between_none_and_all(kind: Kind, found: list[str]) -> None:
    counted = count(kind, found)
    assert 0 <= counted.done <= counted.total == len(found)
    assert (counted.percent == 100) == (counted.total > 0 and counted.done == counted.total)
