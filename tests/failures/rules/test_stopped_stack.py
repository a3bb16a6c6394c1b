"""Which stack has more to say than its events, and what of DescribeEvents adds something to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.aws.validation_events import (
    HOOK_ERROR,
    PROVISIONING_ERROR,
    VALIDATION_ERROR,
    FailedEvent,
)
from deployments.cloudformation.root_cause import Failure
from deployments.failures.rules.catalogue import cause_of
from deployments.failures.rules.stopped_stack import (
    FindingKind,
    StackFinding,
    StoppedStack,
    stopped_stack,
    what_adds,
)
from tests.builders import START

STACKS = ("", "Network", "Network/Subnets")
STACK = "AWS::CloudFormation::Stack"
VALIDATION = (
    "Validation failed with 1 error(s). Call DescribeEvents to retrieve the full list of issues with "
    "resource and property details, resolve each error, then retry the operation."
)
HOOK = "The following hook(s) failed: [Private::Guard::Encryption]"
CONFLICT = FailedEvent(
    event_id="1",
    kind=VALIDATION_ERROR,
    at=START,
    logical_id="Logs",
    type="AWS::S3::Bucket",
    check="NAME_CONFLICT_VALIDATION",
    property_path="/Resources/Logs",
    reason="Resource of type 'AWS::S3::Bucket' with identifier 'logs' already exists.",
)
HOOKED = replace(CONFLICT, kind=HOOK_ERROR, check="Private::Guard::Encryption", reason="Encrypt it.")
ERROR = replace(CONFLICT, kind=PROVISIONING_ERROR, check="CREATE_FAILED", reason="No room.")


def failure(reason: str, logical_id: str = "Vpc", *, path: str = "", type_: str = "AWS::EC2::VPC") -> Failure:
    return Failure(
        path=path, logical_id=logical_id, type=type_, status="CREATE_FAILED", reason=reason, at=START
    )


@pytest.mark.parametrize(
    ("failed", "path"),
    [
        (failure(VALIDATION, "sanso-staging", type_=STACK), ""),
        (failure(VALIDATION, "sanso-staging-Network-1ABC", path="Network", type_=STACK), "Network"),
        (failure(f"Embedded stack arn:x: {VALIDATION}", "Network", type_=STACK), "Network"),
        (failure(HOOK, "Subnet", path="Network/Subnets"), "Network/Subnets"),
        (failure(HOOK, "Network", type_=STACK), "Network"),
        (failure("The following hook(s)/validation failed: [AWS::EarlyValidation::X]"), ""),
    ],
)
def test_a_reason_that_refers_to_a_validation_or_a_hook_leads_to_its_stack(
    failed: Failure, path: str
) -> None:
    assert stopped_stack(failed, STACKS) == StoppedStack(path, is_certain=True)


@pytest.mark.parametrize(
    "failed",
    [
        None,
        failure("", "sanso-staging", type_=STACK),
        failure("The following resource(s) failed to create: [Vpc].", "sanso-staging", type_=STACK),
    ],
)
def test_a_stack_without_a_reason_of_its_own_may_have_one_in_its_operation(failed: Failure | None) -> None:
    assert stopped_stack(failed, STACKS) == StoppedStack("", is_certain=False)


@pytest.mark.parametrize(
    "failed",
    [
        failure("The maximum number of VPCs has been reached."),
        failure("", "Vpc"),
        failure("Template error: x", "Network", type_=STACK),
        failure("Property validation failure: [x]"),
    ],
)
def test_a_reason_that_explains_the_failure_costs_no_call(failed: Failure) -> None:
    assert stopped_stack(failed, STACKS) is None


def adds(*events: FailedEvent, reasons: tuple[str, ...] = (), first: str = "") -> list[FailedEvent]:
    return what_adds(events, reasons=reasons, since=START, first=first)


def test_what_is_in_the_log_or_of_before_or_only_a_warning_adds_nothing() -> None:
    earlier = replace(CONFLICT, at=START - timedelta(seconds=1))
    warning = replace(HOOKED, is_warning=True)
    known = f"The following hook(s) failed: [AWS::ControlTower::Hook] : {HOOKED.reason}"

    assert adds(earlier, warning, HOOKED, reasons=(known,)) == []


def test_errors_of_resources_add_something_only_without_a_validation_or_a_hook() -> None:
    echo = replace(ERROR, reason="The following resource(s) failed to create: [Logs].")

    assert adds(CONFLICT, ERROR) == [CONFLICT]
    assert adds(ERROR, echo, replace(ERROR, reason="")) == [ERROR]


def test_the_first_failure_is_explained_first_and_the_others_in_the_order_of_time() -> None:
    other = replace(HOOKED, logical_id="Media", at=START + timedelta(seconds=1))
    last = replace(HOOKED, logical_id="Vpc", at=START + timedelta(seconds=2))

    assert adds(last, other, HOOKED) == [HOOKED, other, last]
    assert adds(last, other, HOOKED, first="Vpc") == [last, HOOKED, other]


events = st.builds(
    FailedEvent,
    event_id=st.text(max_size=3),
    kind=st.sampled_from([VALIDATION_ERROR, HOOK_ERROR, PROVISIONING_ERROR]),
    at=st.integers(-5, 5).map(lambda seconds: START + timedelta(seconds=seconds)),
    logical_id=st.sampled_from(["Vpc", "Logs", "sanso-staging"]),
    check=st.sampled_from(["", "A", "B"]),
    reason=st.sampled_from(["", "no", "No room.", "The following resource(s) failed to create: [Logs]."]),
    is_warning=st.booleans(),
)


@given(st.lists(events, max_size=12), st.sampled_from(["", "Vpc"]))
def test_each_finding_is_returned_once_whatever_the_order(found: list[FailedEvent], first: str) -> None:
    def contents(given_events: list[FailedEvent]) -> list[tuple[str, str, str, str]]:
        chosen = adds(*given_events, first=first, reasons=("a reason: No room.",))
        return [(one.kind, one.logical_id, one.check, one.reason) for one in chosen]

    chosen = contents(found)

    assert len(set(chosen)) == len(chosen)
    assert set(contents(found[::-1])) == set(chosen)
    assert set(contents(found * 2)) == set(chosen)
    assert not any(reason == "No room." for *_, reason in chosen)
    led = [logical_id == first for _kind, logical_id, *_ in chosen]
    assert led == sorted(led, reverse=True)
    assert len({kind == PROVISIONING_ERROR for kind, *_ in chosen}) <= 1


@given(st.lists(events, max_size=12), st.floats(-6, 6))
def test_nothing_of_an_earlier_operation_is_returned(found: list[FailedEvent], seconds: float) -> None:
    since = START + timedelta(seconds=seconds)

    assert all(one.at >= since.replace(microsecond=0) for one in what_adds(found, reasons=(), since=since))


def finding(kind: FindingKind, reason: str, *, check: str = "") -> StackFinding:
    return StackFinding(
        kind=kind, path="Logs", type="AWS::S3::Bucket", check=check, property_path="", reason=reason
    )


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (finding(FindingKind.VALIDATION, CONFLICT.reason), "NameExists"),
        (finding(FindingKind.VALIDATION, "none is not a valid enum value"), "ValidationFailed"),
        (finding(FindingKind.HOOK, "x already exists", check="A::B::C"), "HookFailed"),
        (finding(FindingKind.ERROR, "The maximum number of VPCs has been reached."), "QuotaVpcs"),
    ],
)
def test_the_cause_is_that_of_the_first_finding(found: StackFinding, code: str) -> None:
    known = cause_of("AWS::EC2::VPC", "Rate exceeded", "", [found, found])

    assert known is not None
    assert known.cause.code == code


def test_an_error_that_nobody_knows_leaves_the_cause_of_the_reason() -> None:
    known = cause_of("AWS::EC2::VPC", "Rate exceeded", "", [finding(FindingKind.ERROR, "Strange words")])

    assert known is not None
    assert known.cause.code == "Throttled"
