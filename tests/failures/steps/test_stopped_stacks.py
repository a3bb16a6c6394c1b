"""After a failure that its events do not explain, the failed events of the stack's operation are stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from deployments.aws.validation_events import (
    HOOK_ERROR,
    PROVISIONING_ERROR,
    VALIDATION_ERROR,
    FailedEvent,
)
from deployments.common.errors import AwsAccessError, AwsFailure, AwsNotFound, AwsRejected, AwsRetryable
from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.failures.models import Evidence, validation_of
from deployments.notifications.rules.topics import Topic
from tests.builders import START
from tests.fakes import FakeAws
from tests.message_texts import reason
from tests.notification_builders import make_target
from tests.stepping import run

READ = "cloudformation:DescribeEvents"
VALIDATION = (
    "Validation failed with 1 error(s). Call DescribeEvents to retrieve the full list of issues with "
    "resource and property details, resolve each error, then retry the operation."
)
HOOK = "The following hook(s) failed: [Private::Guard::Encryption]"
LATER = START + timedelta(days=1)  # than every event of the account
CONFLICT = FailedEvent(
    event_id="e-1",
    kind=VALIDATION_ERROR,
    at=LATER,
    logical_id="Topic",
    type="AWS::SNS::Topic",
    check="NAME_CONFLICT_VALIDATION",
    property_path="/Resources/Topic/Properties/TopicName",
    reason="Resource of type 'AWS::SNS::Topic' with identifier 'news' already exists.",
)
HOOKED = replace(
    CONFLICT,
    kind=HOOK_ERROR,
    logical_id="Vpc",
    check="Private::Guard::Encryption",
    property_path="",
    reason="Encrypt it.",
)


def fail_validation(aws: FakeAws) -> None:
    """Make the root stack fail before anything is created."""
    aws.create_acts = [
        ("", "", "CREATE_IN_PROGRESS", "User Initiated"),
        ("", "", "CREATE_FAILED", VALIDATION),
    ]


def fail_vpc(aws: FakeAws, why: str) -> None:
    """Make the creation of a resource in the nested stack fail, and be rolled back."""
    aws.create_acts = [
        ("", "", "CREATE_IN_PROGRESS", "User Initiated"),
        ("", "Network", "CREATE_IN_PROGRESS", ""),
        ("Network", "", "CREATE_IN_PROGRESS", ""),
        ("Network", "Vpc", "CREATE_IN_PROGRESS", ""),
        ("Network", "Vpc", "CREATE_FAILED", why),
        ("Network", "", "CREATE_FAILED", "The following resource(s) failed to create: [Vpc]."),
        ("", "Network", "CREATE_FAILED", "Embedded stack x was not successfully created: Vpc."),
        ("", "", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Network]."),
        ("", "", "ROLLBACK_COMPLETE", ""),
    ]


def texts_of(deployment: Deployment) -> list[str]:
    return [stored_text(one.problem) for one in validation_of(Evidence.objects.of(deployment))]


def calls(aws: FakeAws) -> int:
    """Return how often events were read after those of the two change sets."""
    return aws.calls.count(READ) - 2


def test_what_the_validation_of_a_stack_found_is_stored_and_is_the_error(
    deployment: Deployment, aws: FakeAws
) -> None:
    fail_validation(aws)
    second = replace(CONFLICT, event_id="e-2", property_path="", reason="", check="OTHER_VALIDATION")
    aws.failed_events[""] = [second, CONFLICT]

    ended = run(deployment, aws)

    assert ended.state == State.FAILED
    assert texts_of(ended) == [
        "Topic, Properties/TopicName did not pass CloudFormation's validation: Resource of type "
        "'AWS::SNS::Topic' with identifier 'news' already exists. (NAME_CONFLICT_VALIDATION)",
        "Topic did not pass CloudFormation's validation: … (OTHER_VALIDATION)",
    ]
    assert reason(ended) == texts_of(ended)[0]
    assert ended.error_code == "ResourceFailed"


def test_the_hook_that_stopped_a_resource_of_a_nested_stack_is_read_there_at_once(
    deployment: Deployment, aws: FakeAws
) -> None:
    fail_vpc(aws, HOOK)
    aws.failed_events = {"": [CONFLICT], "Network": [HOOKED]}

    rolls_back = run(deployment, aws, until=lambda one: Evidence.objects.of(one).exists())

    assert rolls_back.is_active
    assert texts_of(rolls_back) == ["The hook Private::Guard::Encryption stopped Network ▸ Vpc: Encrypt it."]
    ended = run(deployment, aws)
    assert reason(ended) == texts_of(ended)[0]
    assert len(texts_of(ended)) == 1
    assert calls(aws) == 1


def test_what_the_events_explain_costs_no_call(deployment: Deployment, aws: FakeAws) -> None:
    fail_vpc(aws, "The maximum number of VPCs has been reached.")
    aws.failed_events["Network"] = [HOOKED]

    ended = run(deployment, aws)

    assert calls(aws) == 0
    assert texts_of(ended) == []
    assert "maximum number of VPCs" in reason(ended)


def test_a_hook_whose_report_is_in_its_reason_adds_nothing(deployment: Deployment, aws: FakeAws) -> None:
    fail_vpc(aws, f"{HOOK} : Hook failed with message: Encrypt it.")
    aws.failed_events["Network"] = [HOOKED]

    ended = run(deployment, aws)

    assert texts_of(ended) == []
    assert "Hook failed with message: Encrypt it." in reason(ended)


def test_a_stack_that_stops_without_a_failed_event_is_explained_by_its_operation(
    deployment: Deployment, aws: FakeAws
) -> None:
    aws.create_acts = [
        ("", "", "CREATE_IN_PROGRESS", "User Initiated"),
        ("", "", "ROLLBACK_IN_PROGRESS", ""),
        ("", "", "ROLLBACK_COMPLETE", ""),
    ]
    aws.failed_events[""] = [
        replace(HOOKED, logical_id="sanso-staging", type="AWS::CloudFormation::Stack", is_of_the_stack=True)
    ]

    ended = run(deployment, aws)

    (text,) = texts_of(ended)
    assert text == f"The hook Private::Guard::Encryption stopped {ended.environment.stack_name}: Encrypt it."
    assert reason(ended) == text
    assert ended.error_code == "ROLLBACK_COMPLETE"


def test_an_error_that_is_in_no_event_explains_a_stack_that_only_repeats_others(
    deployment: Deployment, aws: FakeAws
) -> None:
    fail_vpc(aws, "")
    aws.create_acts = [act for act in aws.create_acts if act[1] != "Vpc"]  # its events are missing
    error = replace(HOOKED, kind=PROVISIONING_ERROR, check="CREATE_FAILED", reason="No room.")
    aws.failed_events = {"Network": [error]}

    assert texts_of(run(deployment, aws)) == ["Network ▸ Vpc: No room. (CREATE_FAILED)"]


def test_a_success_and_a_canceled_creation_read_nothing(deployment: Deployment, aws: FakeAws) -> None:
    run(deployment, aws)

    assert calls(aws) == 0


@pytest.mark.parametrize("error", [AwsAccessError, AwsRejected])
def test_where_it_cannot_be_read_this_is_said_once_and_nothing_fails(
    deployment: Deployment, aws: FakeAws, error: type[AwsFailure]
) -> None:
    fail_vpc(aws, HOOK)
    run(deployment, aws, until=lambda one: aws.calls.count(READ) == 2)
    aws.fail(READ, *[error("Refused", "no such action", READ)] * 9)

    ended = run(deployment, aws)

    assert ended.state == State.ROLLED_BACK
    assert texts_of(ended) == [f"It could not be read. {READ}: no such action (Refused)"]
    assert HOOK in reason(ended)
    assert calls(aws) == 1


def test_a_throttled_read_is_repeated_before_the_deployment_ends(
    deployment: Deployment, aws: FakeAws
) -> None:
    fail_validation(aws)
    aws.failed_events[""] = [CONFLICT]
    run(deployment, aws, until=lambda one: aws.calls.count(READ) == 2)
    aws.fail(READ, *[AwsRetryable("Throttling", "Rate exceeded", READ)] * 3)

    ended = run(deployment, aws)

    assert calls(aws) == 4
    assert reason(ended) == texts_of(ended)[0]


def test_a_read_that_is_always_throttled_does_not_hold_the_deployment(
    deployment: Deployment, aws: FakeAws
) -> None:
    fail_validation(aws)
    run(deployment, aws, until=lambda one: aws.calls.count(READ) == 2)
    aws.fail(READ, *[AwsRetryable("InternalFailure", "", READ)] * 100)

    ended = run(deployment, aws)

    assert ended.state == State.FAILED
    assert texts_of(ended) == []
    assert VALIDATION in reason(ended)
    assert calls(aws) < 20


def test_a_stack_that_is_gone_leaves_the_reason_of_its_events(deployment: Deployment, aws: FakeAws) -> None:
    fail_validation(aws)
    run(deployment, aws, until=lambda one: aws.calls.count(READ) == 2)
    aws.fail(READ, *[AwsNotFound("ValidationError", "Stack does not exist", READ)] * 9)

    ended = run(deployment, aws)

    assert texts_of(ended) == []
    assert VALIDATION in reason(ended)


def test_what_happened_before_the_operation_is_not_of_it(deployment: Deployment, aws: FakeAws) -> None:
    fail_validation(aws)
    aws.failed_events[""] = [replace(CONFLICT, at=START - timedelta(days=1))]

    assert texts_of(run(deployment, aws)) == []


def test_of_very_many_findings_some_are_stored(deployment: Deployment, aws: FakeAws) -> None:
    fail_validation(aws)
    aws.failed_events[""] = [
        replace(CONFLICT, event_id="", reason=f"reason {number}", at=LATER + timedelta(seconds=number))
        for number in range(30)
    ]

    ended = run(deployment, aws)

    assert len(texts_of(ended)) == 20
    assert "reason 0" in reason(ended)


def test_the_notification_names_the_cause_of_the_finding(deployment: Deployment, aws: FakeAws) -> None:
    target = make_target("https://hooks.example.com/", topics=[Topic.DEPLOYMENT_FAILED])
    fail_validation(aws)
    aws.failed_events[""] = [CONFLICT]

    run(deployment, aws)

    (delivery,) = target.deliveries.all()
    assert delivery.payload["cause"]["code"] == "NameExists"
    assert "'news' already exists" in str(delivery.payload["error"])
