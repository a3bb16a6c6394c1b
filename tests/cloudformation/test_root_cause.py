"""The root cause is the resource that failed first, not the resources that were canceled as a result."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.root_cause import Failure, first_failure, root_cause
from tests.builders import START


def failure(path: str, logical_id: str, reason: str, second: int) -> Failure:
    return Failure(
        path=path,
        logical_id=logical_id,
        type="AWS::EC2::VPC",
        status="CREATE_FAILED",
        reason=reason,
        at=START + timedelta(seconds=second),
    )


ECHO = "Embedded stack arn:aws:x was not successfully created: The following resource(s) failed to create"
LEAF = failure("Network/Inner", "Vpc", "The maximum number of VPCs has been reached.", 3)
CHAIN = [
    LEAF,
    failure("Network/Inner", "Subnet", "Resource creation cancelled", 2),
    failure("Network/Inner", "Route", "Another reason, later", 5),
    failure("Network", "Inner", ECHO, 6),
    failure("", "Network", ECHO, 7),
    failure("", "sanso-env", "The following resource(s) failed to create: [Network]. ", 8),
]


@given(st.permutations(CHAIN))
def test_the_leaf_is_found_in_any_order(chain: list[Failure]) -> None:
    assert first_failure(chain) == LEAF


def test_without_the_leaf_the_deepest_echo_is_the_cause() -> None:
    assert first_failure(CHAIN[3:]) == CHAIN[3]


def test_without_failures_there_is_no_cause() -> None:
    assert first_failure([]) is None


@given(st.permutations([*CHAIN, *CHAIN[:3]]))
def test_canceled_resources_are_separated_from_other_failures(chain: list[Failure]) -> None:
    found = root_cause(chain)

    assert found is not None
    assert found.chain == ("Network", "Inner")
    assert [f.logical_id for f in found.collateral] == ["Subnet"]
    assert [f.logical_id for f in found.later] == ["Route"]
    assert found.ties == ()


@given(st.permutations(["Queue", "Role", "Topic"]))
def test_a_failure_of_the_rollback_in_the_same_millisecond_is_a_later_one(names: list[str]) -> None:
    created, tie, undone = (failure("Network", name, "Throttled.", 3) for name in names)
    found = root_cause([replace(undone, status="DELETE_FAILED"), tie, created])

    assert found is not None
    assert {found.leaf, *found.ties} == {created, tie}
    assert [f.logical_id for f in found.later] == [undone.logical_id]


def test_a_failure_in_each_attempt_of_a_rollback_is_reported_once() -> None:
    attempts = [replace(failure("", "Role", "In use.", second), status="DELETE_FAILED") for second in (7, 8)]
    found = root_cause([*CHAIN, *attempts])

    assert found is not None
    assert [(f.logical_id, f.at) for f in found.later] == [("Route", CHAIN[2].at), ("Role", attempts[0].at)]


def test_a_reason_is_read_without_what_the_handler_puts_around_it() -> None:
    inner = "No 'x' (Service: Ssm)"
    wrapped = f'Resource handler returned message: "{inner}" (RequestToken: 1, HandlerErrorCode: A)'

    assert failure("", "Vpc", wrapped, 1).message == inner
    assert failure("", "Vpc", "Plain.", 1).message == "Plain."
    assert failure("", "Vpc", "", 1).message == "CREATE_FAILED"


def test_two_failures_at_the_same_time_are_both_reported() -> None:
    other = failure("App", "Group", "The image id '[ami-1]' does not exist", 3)
    found = root_cause([other, *CHAIN])

    assert found is not None
    assert {found.leaf.logical_id, *(f.logical_id for f in found.ties)} == {"Vpc", "Group"}
