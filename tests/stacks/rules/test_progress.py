"""The progress of a deployment, computed from the statuses of its resources and the forecast."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from deployments.environments.rules.phases import Kind
from deployments.stacks.rules.progress import (
    CLOSE,
    ProgressCount,
    count,
    is_ahead,
    is_done,
    percent_of_time,
    resource_state,
    rolled_back,
)


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


TIMES = st.floats(0, 1e6)


@given(TIMES, TIMES, st.floats(-1e3, 1e6))
def test_progress_is_elapsed_of_elapsed_and_left_and_complete_at_the_end_alone(
    elapsed: float, more: float, left: float
) -> None:
    percent = percent_of_time(0, elapsed, elapsed + left)
    assert 0 <= percent <= 99
    if left > 0 and elapsed > 0:
        assert percent == pytest.approx(100 * elapsed / (elapsed + left), abs=1.001)
    assert percent_of_time(0, elapsed + more, elapsed + left) >= percent  # never falls while on schedule


def test_92_percent_is_not_said_with_a_third_of_the_time_to_come() -> None:
    assert percent_of_time(0, 66_000, 100_000) == 66


@given(st.lists(st.tuples(st.sampled_from(statuses()), st.integers(1, 9))))
def test_a_rollback_counts_what_it_takes_back(found_in_it: list[tuple[str, int]]) -> None:
    found = rolled_back(found_in_it)
    assert 0 <= found.done <= found.total <= sum(number for _, number in found_in_it)


def test_a_resource_that_never_began_has_nothing_to_roll_back() -> None:
    assert rolled_back([("", 5), ("CREATE_FAILED", 1), ("DELETE_COMPLETE", 3), ("CREATE_COMPLETE", 1)]) == (
        ProgressCount(3, 4)
    )


FORECASTS = st.lists(st.tuples(st.floats(0.5, 30), st.floats(0, 600)), min_size=1, max_size=40)
"""The seconds since the previous forecast, and the seconds left by this one."""


@given(FORECASTS)
def test_no_number_goes_back_or_contradicts_the_time_that_is_left(
    forecasts: list[tuple[float, float]],
) -> None:
    elapsed, stored, numbers = 0.0, 0, [0]
    for since, left in forecasts:
        elapsed += since
        by_time = percent_of_time(0, elapsed, elapsed + left)
        stored = max(stored, by_time)
        if is_ahead(stored, by_time):
            assert by_time < stored  # the number stays until the formula has caught up
            continue
        numbers.append(stored)
        # Apart from rounding, the end implied by the number is not before the forecast's end.
        assert stored <= 100 * elapsed / (elapsed + left) + CLOSE
    assert numbers == sorted(numbers)


def test_92_percent_with_34_seconds_left_is_shown_only_if_it_is_so() -> None:
    assert is_ahead(92, percent_of_time(0, 60, 60 + 34))
    assert not is_ahead(92, percent_of_time(0, 400, 400 + 34))
