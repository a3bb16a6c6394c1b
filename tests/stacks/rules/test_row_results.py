"""A row shows the result of its own operation, even if a rollback changes the resource afterwards."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.root_cause import Failure
from deployments.cloudformation.status import DisplayStatus
from deployments.cloudformation.timeline import runs
from deployments.environments.rules.phases import Kind
from deployments.stacks.rules.course import Course, turn_of
from deployments.stacks.rules.row_results import RowResult, Segment, is_of_rollback, result_of

TURN = 10_000
ROLLED_BACK = Course(kind=Kind.CREATE, turn=TURN, is_over=True)
ROLLING_BACK = Course(kind=Kind.CREATE, turn=TURN)
CANCELLED = "Resource creation cancelled"


def failure(at: int, status: str, reason: str) -> Failure:
    return Failure(
        path="",
        logical_id="A",
        type="T",
        status=status,
        reason=reason,
        at=datetime.fromtimestamp(at / 1000, UTC),
    )


def result(
    *changes: tuple[int, str],
    course: Course = ROLLED_BACK,
    failures: tuple[Failure, ...] = (),
    is_stack: bool = False,
) -> RowResult:
    return result_of(runs([list(change) for change in changes]), course, failures, is_stack=is_stack)


def test_the_create_and_the_rollback_are_two_segments_with_two_times() -> None:
    found = result(
        (1_000, "CREATE_IN_PROGRESS"),
        (5_000, "CREATE_COMPLETE"),
        (11_000, "DELETE_IN_PROGRESS"),
        (14_000, "DELETE_COMPLETE"),
    )

    assert found.forward == Segment(1_000, 5_000, DisplayStatus.DONE)
    assert found.back == Segment(11_000, 14_000, DisplayStatus.ROLLED_BACK)
    assert found.status is DisplayStatus.DELETED


def test_the_time_of_a_creation_ends_before_the_update_that_protects_it() -> None:
    """The changes of a load balancer, by a creation in the sandbox."""
    found = result(
        (1795868559728, "CREATE_IN_PROGRESS"),
        (1795868559745, "CREATE_IN_PROGRESS"),
        (1795868572663, "CREATE_COMPLETE"),
        (1795868921026, "UPDATE_IN_PROGRESS"),
        (1795868924918, "UPDATE_COMPLETE"),
        course=Course(kind=Kind.CREATE, protected_from=1795868920430, is_over=True, is_success=True),
    )

    assert found.forward == Segment(1795868559728, 1795868572663, DisplayStatus.DONE)
    assert found.back is None


def test_a_failed_row_stays_failed_with_its_own_reason_when_the_rollback_deletes_it() -> None:
    found = result(
        (1_000, "CREATE_IN_PROGRESS"),
        (9_000, "CREATE_FAILED"),
        (11_000, "DELETE_IN_PROGRESS"),
        (12_000, "DELETE_COMPLETE"),
        failures=(failure(9_000, "CREATE_FAILED", "No room."),),
    )

    assert (found.status, found.reason) == (DisplayStatus.FAILED, "No room.")


def test_a_canceled_row_stays_canceled() -> None:
    found = result(
        (1_000, "CREATE_IN_PROGRESS"),
        (9_500, "CREATE_FAILED"),
        (11_000, "DELETE_COMPLETE"),
        failures=(failure(9_500, "CREATE_FAILED", CANCELLED),),
    )

    assert (found.status, found.reason) == (DisplayStatus.CANCELLED, "")


def test_a_stack_that_only_repeats_what_failed_in_it_has_no_reason_of_its_own() -> None:
    reported = "The following resource(s) failed to create: [Cluster]. "
    found = result(
        (1_000, "CREATE_IN_PROGRESS"),
        (9_500, "CREATE_FAILED"),
        failures=(failure(9_500, "CREATE_FAILED", reported),),
        is_stack=True,
    )

    assert (found.status, found.reason) == (DisplayStatus.FAILED, "")


def test_a_failure_of_the_rollback_has_a_reason_beside_the_one_of_the_creation() -> None:
    found = result(
        (1_000, "CREATE_IN_PROGRESS"),
        (9_000, "CREATE_FAILED"),
        (11_000, "DELETE_IN_PROGRESS"),
        (12_000, "DELETE_FAILED"),
        failures=(failure(9_000, "CREATE_FAILED", "No room."), failure(12_000, "DELETE_FAILED", "In use.")),
    )

    assert found.status is DisplayStatus.ROLLBACK_FAILED
    assert (found.reason, found.back_reason) == ("No room.", "In use.")


def test_a_nested_stack_that_is_reported_while_it_rolls_back_failed_in_the_creation() -> None:
    """By a creation in the sandbox: the parent reports the failure after the nested stack has turned."""
    stack = runs(
        [[1_000, "CREATE_IN_PROGRESS"], [9_000, "ROLLBACK_IN_PROGRESS"], [9_800, "ROLLBACK_COMPLETE"]]
    )
    reported = failure(9_500, "CREATE_FAILED", "Embedded stack was not successfully created")

    assert not is_of_rollback(reported, stack, ROLLED_BACK)
    assert is_of_rollback(failure(9_500, "DELETE_FAILED", "in use"), stack, ROLLED_BACK)


def test_a_row_that_never_ran_is_not_run_even_when_the_rollback_deletes_its_empty_stack() -> None:
    assert result().status is DisplayStatus.NOT_RUN
    assert result(course=ROLLING_BACK).status is DisplayStatus.NOT_RUN
    assert result((11_000, "DELETE_COMPLETE"), is_stack=True).status is DisplayStatus.NOT_RUN
    assert result(course=Course(kind=Kind.CREATE)).status is DisplayStatus.PENDING


def test_resources_that_the_rollback_did_not_reach_remain() -> None:
    created = ((1_000, "CREATE_IN_PROGRESS"), (5_000, "CREATE_COMPLETE"))

    assert result(*created).status is DisplayStatus.REMAINS
    assert result(*created, course=ROLLING_BACK).status is DisplayStatus.DONE
    assert result(*created, course=Course(kind=Kind.CREATE, is_over=True)).status is DisplayStatus.DONE


def test_resources_that_a_failed_deletion_did_not_reach_remain() -> None:
    assert result(course=Course(kind=Kind.DELETE, is_over=True)).status is DisplayStatus.REMAINS
    assert result(course=Course(kind=Kind.DELETE)).status is DisplayStatus.PENDING


@pytest.mark.parametrize(
    ("is_stack", "status"), [(True, DisplayStatus.FAILED), (False, DisplayStatus.CANCELLED)]
)
def test_a_row_that_the_rollback_interrupted_did_not_finish(is_stack: bool, status: DisplayStatus) -> None:
    found = result((1_000, "CREATE_IN_PROGRESS"), (11_000, "DELETE_IN_PROGRESS"), is_stack=is_stack)

    assert found.forward == Segment(1_000, 11_000, status)
    assert found.status is status


def test_an_update_that_was_undone_is_rolled_back() -> None:
    course = Course(kind=Kind.UPDATE, turn=TURN, is_over=True)
    found = result(
        (1_000, "UPDATE_IN_PROGRESS"),
        (5_000, "UPDATE_COMPLETE"),
        (11_000, "UPDATE_IN_PROGRESS"),
        (14_000, "UPDATE_COMPLETE"),
        course=course,
    )

    assert found.back == Segment(11_000, 14_000, DisplayStatus.ROLLED_BACK)
    assert found.status is DisplayStatus.ROLLED_BACK


def test_rows_in_progress_of_a_canceled_update_are_canceled_although_the_rollback_has_begun() -> None:
    """CloudFormation begins the rollback first, and reports the canceled resources afterwards."""
    canceled = Course(kind=Kind.UPDATE, turn=TURN, is_over=True, is_canceled=True)
    reported = failure(TURN + 5, "UPDATE_FAILED", "Resource update cancelled")
    found = result(
        (1_000, "UPDATE_IN_PROGRESS"), (TURN + 5, "UPDATE_FAILED"), course=canceled, failures=(reported,)
    )

    assert found.status is DisplayStatus.CANCELLED
    assert found.reason == ""
    assert not canceled.counts(reported)
    assert canceled.counts(failure(TURN + 9, "UPDATE_FAILED", "cannot go back"))


def test_the_stacks_of_a_canceled_creation_are_canceled_and_its_root_is_deleted() -> None:
    canceled = Course(kind=Kind.CREATE, turn=TURN, is_over=True, is_canceled=True)
    changes: list[list[int | str]] = [
        [1_000, "CREATE_IN_PROGRESS"],
        [TURN, "DELETE_IN_PROGRESS"],
        [12_000, "DELETE_COMPLETE"],
    ]
    nested = result_of(runs(changes), canceled, is_stack=True)
    root = result_of(runs(changes), canceled, is_stack=True, is_root=True)

    assert turn_of(runs(changes)) == TURN
    assert nested.status is DisplayStatus.CANCELLED
    assert root.status is DisplayStatus.DELETED


def test_a_nested_stack_that_was_only_reviewed_has_no_rollback() -> None:
    own = runs([[1_000, "REVIEW_IN_PROGRESS"], [TURN, "DELETE_IN_PROGRESS"], [TURN, "DELETE_COMPLETE"]])

    found = result_of(own, ROLLED_BACK, is_stack=True)

    assert (found.status, found.back) == (DisplayStatus.NOT_RUN, None)


def test_the_root_stack_has_the_status_of_the_rollback() -> None:
    own = runs([[1_000, "CREATE_IN_PROGRESS"], [TURN, "ROLLBACK_IN_PROGRESS"], [15_000, "ROLLBACK_FAILED"]])

    assert turn_of(own) == TURN
    found = result_of(own, ROLLED_BACK, is_stack=True, is_root=True)
    assert found.status is DisplayStatus.ROLLBACK_FAILED


CHANGES = st.lists(
    st.tuples(
        st.integers(0, 20_000),
        st.sampled_from(
            [
                "CREATE_IN_PROGRESS",
                "CREATE_COMPLETE",
                "CREATE_FAILED",
                "DELETE_IN_PROGRESS",
                "DELETE_FAILED",
                "DELETE_COMPLETE",
                "ROLLBACK_IN_PROGRESS",
                "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
                "DELETE_SKIPPED",
                "NEVER_HEARD_OF",
            ]
        ),
    ),
    max_size=6,
)
COURSES = st.builds(
    Course,
    kind=st.sampled_from(list(Kind)),
    turn=st.one_of(st.none(), st.integers(0, 20_000)),
    is_over=st.booleans(),
    is_success=st.booleans(),
)


@given(CHANGES, COURSES, st.booleans())
def test_any_changes_have_a_result(changes: list[tuple[int, str]], course: Course, is_stack: bool) -> None:
    found = result(*changes, course=course, is_stack=is_stack)

    assert found.status in DisplayStatus
    if not changes:
        assert found.forward is None
        assert found.back is None


def test_what_an_update_does_not_touch_is_unchanged_from_its_beginning() -> None:
    update = Course(kind=Kind.UPDATE, unchanged=frozenset({"Web/Role"}))
    ended = Course(kind=Kind.UPDATE, is_over=True, is_success=True)
    back = Course(kind=Kind.UPDATE, turn=TURN, unchanged=frozenset({"Web/Role"}))

    assert result(course=update.of("Web/Role")).status is DisplayStatus.UNCHANGED
    assert result(course=update.of("Web/Group")).status is DisplayStatus.PENDING
    assert result((5_000, "UPDATE_COMPLETE"), course=update.of("Web/Role")).status is DisplayStatus.DONE
    assert result(course=ended.of("Web/Group")).status is DisplayStatus.UNCHANGED
    assert result(course=back.of("Web/Role")).status is DisplayStatus.NOT_RUN
