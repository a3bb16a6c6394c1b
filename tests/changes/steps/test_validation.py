"""What CloudFormation's validation found in the change sets of an account in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.utils import timezone

from deployments.aws.validation_events import ValidationFinding
from deployments.changes.steps.failed_change_sets import LONGEST
from deployments.cloudformation.validation import UNREAD, WARNING
from deployments.common.errors import AwsAccessError, AwsFailure, AwsRejected
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.stacks.display.event_texts import event
from deployments.stacks.models.events import Event
from tests.fakes import FakeAws
from tests.message_texts import reason
from tests.stepping import run, take_step

BAD = ValidationFinding(
    logical_id="Vpc",
    type="AWS::EC2::VPC",
    check="PROPERTY_VALIDATION",
    property_path="/Resources/Vpc/Properties/InstanceTenancy",
    reason="none is not a valid enum value",
)
WARNED = ValidationFinding(
    logical_id="Vpc", check="SERVICE_QUOTA_VALIDATION", reason="Too many VPCs.", is_warning=True
)
FAILED = (
    "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. To troubleshoot "
    "Early Validation errors, use the DescribeEvents API for detailed failure information."
)


def until_change_set(deployment: Deployment, aws: FakeAws) -> Deployment:
    return run(deployment, aws, until=lambda one: bool(one.change_set_id) or not one.is_active)


def fail(aws: FakeAws, *, nested: str = "FAILED") -> None:
    """Make the created change sets fail as AWS does: the root's refers to the nested one."""
    root = next(one for one in aws.change_sets if "-Network/" not in one)
    network = next(one for one in aws.change_sets if "-Network/" in one)
    aws.change_sets[network] = replace(aws.change_sets[network], status=nested, reason=FAILED)
    aws.change_sets[root] = replace(
        aws.change_sets[root],
        status="FAILED",
        reason="Nested change set arn:gone was not successfully created: Currently in FAILED.",
    )


def texts(deployment: Deployment, code: str) -> list[str]:
    return [event(one) for one in Event.objects.of(deployment).with_code(code)]


def test_warnings_of_root_and_nested_stacks_are_stored_once_and_the_creation_goes_on(
    deployment: Deployment, aws: FakeAws
) -> None:
    aws.findings = {"": [replace(WARNED, logical_id="Topic")], "Network": [WARNED, WARNED]}

    ended = run(deployment, aws)

    assert ended.state == State.SUCCEEDED
    assert texts(ended, WARNING) == [
        "CloudFormation warns about Topic: Too many VPCs. (SERVICE_QUOTA_VALIDATION)",
        "CloudFormation warns about Network ▸ Vpc: Too many VPCs. (SERVICE_QUOTA_VALIDATION)",
    ]


def test_a_failed_change_set_names_resource_property_and_reason(deployment: Deployment, aws: FakeAws) -> None:
    aws.findings = {"Network": [WARNED, BAD]}
    until_change_set(deployment, aws)
    fail(aws)

    ended = run(deployment, aws)

    assert ended.state == State.FAILED
    assert reason(ended) == (
        "CloudFormation's validation rejected the change set. Network ▸ Vpc, Properties/InstanceTenancy: "
        "none is not a valid enum value (PROPERTY_VALIDATION)"
    )


def test_many_findings_are_counted(deployment: Deployment, aws: FakeAws) -> None:
    aws.findings = {"Network": [replace(BAD, reason=f"reason {number}") for number in range(7)]}
    until_change_set(deployment, aws)
    fail(aws)

    text = reason(run(deployment, aws))

    assert "reason 4" in text
    assert "reason 5" not in text
    assert text.endswith("; and 2 more.")


def test_it_waits_until_every_nested_change_set_has_ended(deployment: Deployment, aws: FakeAws) -> None:
    until_change_set(deployment, aws)
    fail(aws, nested="CREATE_IN_PROGRESS")

    deployment.refresh_from_db()
    take_step(deployment, aws)

    deployment.refresh_from_db()
    assert deployment.state == State.CHANGE_SET
    aws.findings = {"Network": [BAD]}
    fail(aws)
    assert "none is not a valid enum value" in reason(run(deployment, aws))


def test_it_does_not_wait_for_ever_for_a_nested_change_set(deployment: Deployment, aws: FakeAws) -> None:
    until_change_set(deployment, aws)
    fail(aws, nested="CREATE_PENDING")
    Deployment.objects.update(phase_at=timezone.now() - LONGEST)

    ended = run(deployment, aws)

    assert ended.state == State.FAILED


def test_nested_change_sets_that_are_gone_are_left_out(deployment: Deployment, aws: FakeAws) -> None:
    aws.findings = {"": [replace(BAD, logical_id="Topic", property_path="")]}
    until_change_set(deployment, aws)
    fail(aws)
    del aws.change_sets[next(one for one in aws.change_sets if "-Network/" in one)]

    assert "change set. Topic: none is not a valid enum value" in reason(run(deployment, aws))


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("error", [AwsAccessError, AwsRejected])
def test_where_they_cannot_be_read_the_deployment_goes_on(
    deployment: Deployment, aws: FakeAws, error: type[AwsFailure], *, fails: bool
) -> None:
    """A role of before lacks the right, and a partition may lack the API."""
    refused = error("Refused", "no such action", "cloudformation:DescribeEvents")
    aws.fail("cloudformation:DescribeEvents", *[refused] * 3)
    until_change_set(deployment, aws)
    if fails:
        fail(aws)

    ended = run(deployment, aws)

    assert ended.state == (State.FAILED if fails else State.SUCCEEDED)
    assert texts(ended, UNREAD) == [
        "What CloudFormation's validation found could not be read. "
        "cloudformation:DescribeEvents: no such action"
    ]
