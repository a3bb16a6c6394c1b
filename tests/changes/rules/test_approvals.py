"""The rules for deciding on a request for approval, and the time when a scheduled change is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.changes.rules.approvals import (
    FURTHEST,
    LATE,
    Decider,
    Due,
    Policy,
    PolicyRule,
    Voter,
    counted,
    due,
    policy_for,
    refusal_to_approve,
    refusal_to_deny,
    refusal_to_stop_requiring,
    schedule_problem,
    strictest,
)
from deployments.common.message_codes import Code

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
        (Decider(user=3, requesters=frozenset({1}), missing_role="admin"), Code.APPROVER_ROLE),
        (Decider(user=3, requesters=frozenset({1}), has_approved=True), Code.APPROVAL_REPEATED),
        (
            Decider(user=3, requesters=frozenset({1}), is_service_account=True),
            Code.APPROVER_SERVICE_ACCOUNT,
        ),
    ],
)
def test_a_refusal_says_why(decider: Decider, code: Code) -> None:
    found = refusal_to_approve(decider, expires_at=LATER, now=NOW)

    assert found is not None
    assert found.code == code


ROLES = st.frozensets(st.sampled_from(["approver", "admin"]), min_size=1)
POLICIES = st.builds(Policy, approvals=st.integers(1, 5), roles=ROLES)
LABELS = st.sampled_from([("stage", "production"), ("stage", "test"), ("team", "payments")])
RULES = st.lists(
    st.builds(PolicyRule, policy=POLICIES, environment=st.integers(1, 3))
    | st.builds(PolicyRule, policy=POLICIES, label=LABELS),
    max_size=5,
)


@given(RULES, st.integers(1, 3), st.frozensets(LABELS), st.booleans())
def test_all_rules_about_an_environment_are_satisfied_and_no_other_counts(
    rules: list[PolicyRule], environment: int, labels: frozenset[tuple[str, str]], is_on: bool
) -> None:
    found = policy_for(rules, environment=environment, labels=labels, is_switched_on=is_on)

    of_labels = [one.policy for one in rules if one.environment is None and one.label in labels]
    own = [one.policy for one in rules if one.environment == environment] if is_on else []
    if not is_on and not of_labels:
        assert found is None
        return
    assert found is not None
    assert found.approvals == max([one.approvals for one in of_labels + own], default=1)
    assert found.roles == frozenset().union(*(one.roles for one in of_labels + own)) or found == Policy()
    assert not any(found.is_weaker_than(one) for one in of_labels + own)


@given(POLICIES, POLICIES)
def test_a_policy_is_weaker_with_fewer_approvals_or_without_a_role(one: Policy, other: Policy) -> None:
    assert not one.is_weaker_than(one)
    assert not strictest([one, other]).is_weaker_than(one)
    if one.approvals < other.approvals or other.roles - one.roles == {"admin"}:
        assert one.is_weaker_than(other)


VOTERS = st.builds(
    Voter,
    user=PEOPLE,
    may_approve=st.booleans(),
    missing_role=st.sampled_from(["", "admin"]),
    is_service_account=st.booleans(),
)


@given(st.lists(VOTERS), st.frozensets(PEOPLE))
def test_each_person_with_the_right_and_the_role_counts_once_and_no_requester(
    voters: list[Voter], requesters: frozenset[int]
) -> None:
    found = list(counted(voters, requesters))

    assert len(found) == len(set(found))
    assert not requesters & set(found)
    for one in voters:
        is_valid = one.may_approve and not one.missing_role and not one.is_service_account
        assert (is_valid and one.user not in requesters) <= (one.user in found)
    for user in found:
        assert any(one.user == user and one.may_approve and not one.is_service_account for one in voters)


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
