"""The progress of a deployment, from the statuses of its resources."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from deployments.core.phases import Kind
from deployments.core.progress import ProgressCount, count, is_done, resource_state


def statuses() -> list[str]:
    shapes = Loader().load_service_model("cloudformation", "service-2")["shapes"]
    return ["", *shapes["ResourceStatus"]["enum"]]


def test_progress_of_a_creation_counts_completed_resources() -> None:
    found = count(
        Kind.CREATE, ["CREATE_COMPLETE", "UPDATE_COMPLETE", "CREATE_IN_PROGRESS", "", "CREATE_FAILED"]
    )
    assert found == ProgressCount(2, 5)
    assert found.percent == 40


def test_progress_of_a_deletion_counts_deleted_and_retained_resources() -> None:
    found = count(Kind.DELETE, ["DELETE_COMPLETE", "DELETE_SKIPPED", "CREATE_COMPLETE", "DELETE_FAILED"])
    assert found == ProgressCount(2, 4)


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "CREATE_FAILED", ""])
def test_a_resource_that_a_deletion_has_not_reached_is_pending(status: str) -> None:
    assert resource_state(Kind.DELETE, status) == ""
    assert resource_state(Kind.CREATE, status) == status


@pytest.mark.parametrize("kind", list(Kind))
def test_no_status_counts_as_done_before_it_is_final(kind: Kind) -> None:
    done = {status for status in statuses() if is_done(kind, status)}
    assert not [status for status in done if "IN_PROGRESS" in status or "FAILED" in status or not status]


@given(st.sampled_from(list(Kind)), st.lists(st.sampled_from(statuses())))
def test_percentages_are_between_0_and_100(kind: Kind, found: list[str]) -> None:
    counted = count(kind, found)
    assert 0 <= counted.done <= counted.total == len(found)
    assert (counted.percent == 100) == (counted.total > 0 and counted.done == counted.total)
