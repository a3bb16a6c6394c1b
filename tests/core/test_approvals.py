"""Who may decide on a request for approval, and when a scheduled change is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.core.approvals import (
    FURTHEST,
    LATE,
    Decider,
    Due,
    due,
    refusal_to_approve,
    refusal_to_deny,
    refusal_to_stop_requiring,
    schedule_problem,
)
from deployments.message_codes import Code

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
PEOPLE = st.integers(1, 4)
seconds = st.integers(-40 * 86_400, 40 * 86_400)


@given(PEOPLE, st.frozensets(PEOPLE, min_size=1), st.booleans(), seconds)
def test_nobody_approves_or_denies_their_own_request_or_an_expired_one(
    user: int, requesters: frozenset[int], permitted: bool, left: int
) -> None:
    decider = Decider(user=user, requesters=requesters, is_requester_permitted=permitted)
    expires_at = NOW + timedelta(seconds=left)

    approves = refusal_to_approve(decider, expires_at=expires_at, now=NOW) is None
    denies = refusal_to_deny(decider, expires_at=expires_at, now=NOW) is None

    assert denies == (user not in requesters and left > 0)
    assert approves == (denies and permitted)


@pytest.mark.parametrize(
    ("decider", "code"),
    [
        (Decider(user=1, requesters=frozenset({1, 2})), Code.APPROVAL_OWN),
        (Decider(user=2, requesters=frozenset({1, 2})), Code.APPROVAL_OWN),
        (
            Decider(user=3, requesters=frozenset({1}), is_requester_permitted=False),
            Code.REQUESTER_NOT_PERMITTED,
        ),
    ],
)
def test_a_refusal_says_why(decider: Decider, code: Code) -> None:
    found = refusal_to_approve(decider, expires_at=LATER, now=NOW)

    assert found is not None
    assert found.code == code


@given(PEOPLE, st.booleans(), st.frozensets(PEOPLE))
def test_requiring_approval_is_switched_off_by_somebody_else_while_requests_wait(
    user: int, may_approve: bool, requesters: frozenset[int]
) -> None:
    is_refused = refusal_to_stop_requiring(user, may_approve, requesters) is not None

    assert is_refused == (bool(requesters) and (not may_approve or user in requesters))


@given(seconds)
def test_a_scheduled_change_waits_for_its_time_and_runs_once_if_it_is_less_than_an_hour_late(
    late: int,
) -> None:
    found = due(NOW - timedelta(seconds=late), NOW)

    assert found is (Due.WAIT if late < 0 else Due.NOW if late < LATE.total_seconds() else Due.MISSED)
    assert due(None, NOW) is Due.NOW


@given(seconds)
def test_a_time_is_chosen_in_the_future_and_not_too_far_ahead(ahead: int) -> None:
    found = schedule_problem(NOW + timedelta(seconds=ahead), NOW)

    assert (found is None) == (0 < ahead <= FURTHEST.total_seconds())
