"""After a failure, CloudTrail is searched for who denied or changed the resource, twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from unittest import mock

import pytest
from django.utils import timezone

from deployments.aws.cloudtrail import TrailEvent
from deployments.common.errors import AwsAccessError, AwsRetryable
from deployments.common.models import leases
from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.failures.models import Evidence, trail_of
from deployments.failures.steps.trail import AGAIN_AFTER
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.events import Event
from deployments.steps import step
from tests.fakes import FakeAws
from tests.stepping import run

ROLE = "arn:aws:sts::123456789012:assumed-role/sanso-cloudformation/AWSCloudFormation"
ANA = "arn:aws:iam::123456789012:user/ana"
LOOKUP = "cloudtrail:LookupEvents"
UNNAMED = "Access denied for operation 'AWS::SNS::Topic' (HandlerErrorCode: AccessDenied)"


def fail_topic(aws: FakeAws, reason: str) -> None:
    """Make the creation of the topic fail, and be rolled back."""
    aws.create_acts = [
        ("", "", "CREATE_IN_PROGRESS", "User Initiated"),
        ("", "Topic", "CREATE_IN_PROGRESS", ""),
        ("", "Topic", "CREATE_FAILED", reason),
        ("", "", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Topic]."),
        ("", "Topic", "DELETE_COMPLETE", ""),
        ("", "", "ROLLBACK_COMPLETE", ""),
    ]


@pytest.fixture
def failed(deployment: Deployment, aws: FakeAws) -> Deployment:
    """A creation that AWS denied without saying what it denied."""
    fail_topic(aws, UNNAMED)
    return run(deployment, aws)


def failed_at(deployment: Deployment) -> datetime:
    return Event.objects.of(deployment).get(status="CREATE_FAILED").at


def call(deployment: Deployment, action: str, number: int = 1, **values: str | bool) -> TrailEvent:
    """Return a call one second before the failure."""
    at = failed_at(deployment) - timedelta(seconds=1)
    given = {"principal": ROLE, "client": "cloudformation.amazonaws.com", **values}
    return TrailEvent(event_id=f"e-{number}", at=at, action=action, **given)  # type: ignore[arg-type]


def take_step(aws: FakeAws, *, until: timedelta = timedelta(0)) -> None:
    """Take a step of the sweep as a worker does, some time after the end of the deployment."""
    rows = ActionRequest.objects.active().of_kind("search_trail")
    rows.update(due_at=timezone.now() - timedelta(seconds=1))
    now = timezone.now()
    for pk, version in list(leases.claim_due(rows, now, timedelta(seconds=30))):
        with mock.patch("django.utils.timezone.now", return_value=now + until):
            step.run_action_request(pk, version, aws)


def texts_of(deployment: Deployment) -> list[str]:
    return [stored_text(one.problem) for one in trail_of(Evidence.objects.of(deployment))]


def test_the_denied_call_of_the_failed_resource_is_named(failed: Deployment, aws: FakeAws) -> None:
    aws.trail_of_users["AWSCloudFormation"] = [
        call(failed, "sns:GetTopicAttributes", 1, is_read=True),
        call(failed, "ec2:DescribeVpcs", 2, code="UnauthorizedOperation", is_read=True),
        call(failed, "sns:CreateTopic", 3, code="AuthorizationError"),
        call(failed, "sns:TagResource", 4, code="AccessDenied"),
        call(failed, "sns:TagResource", 5, code="AccessDenied"),
    ]

    take_step(aws)

    assert texts_of(failed) == [
        f"AWS denied sns:TagResource to {ROLE} (cloudformation.amazonaws.com) (AccessDenied)."
    ]
    (event,) = Event.objects.of(failed).with_code("trail.found")
    assert event.values == {"calls": 1}


def test_the_action_in_the_message_is_the_one_that_was_denied(failed: Deployment, aws: FakeAws) -> None:
    message = "User: x is not authorized to perform: iam:PassRole on resource: y"
    aws.trail_of_users["AWSCloudFormation"] = [
        call(failed, "lambda:CreateFunction", code="AccessDenied", message=message)
    ]

    take_step(aws)

    assert texts_of(failed)[0].startswith("AWS denied iam:PassRole to ")


def test_events_that_arrive_late_are_found_by_the_second_sweep_and_none_is_stored_twice(
    failed: Deployment, aws: FakeAws
) -> None:
    aws.trail_of_users["AWSCloudFormation"] = [call(failed, "sns:TagResource", 1, code="AccessDenied")]
    take_step(aws)
    aws.trail_of_users["AWSCloudFormation"].insert(0, call(failed, "sns:CreateTopic", 2, code="AccessDenied"))
    take_step(aws)
    assert len(texts_of(failed)) == 1
    assert aws.calls.count(LOOKUP) == 1  # not searched again before its time
    row = ActionRequest.objects.of_kind("search_trail").get()
    assert row.due_at is not None
    assert failed.ended_at is not None
    waits = row.due_at - failed.ended_at
    assert AGAIN_AFTER - timedelta(minutes=1) < waits < AGAIN_AFTER + timedelta(minutes=1)

    take_step(aws, until=AGAIN_AFTER)

    assert len(texts_of(failed)) == 2
    row.refresh_from_db()
    assert row.state == "done"
    assert [one.values["calls"] for one in Event.objects.of(failed).with_code("trail.found")] == [1, 2]


def test_a_denied_lookup_is_said_once_and_nothing_fails(failed: Deployment, aws: FakeAws) -> None:
    denied = AwsAccessError(
        "AccessDeniedException", "User: x is not authorized to perform: " + LOOKUP, LOOKUP
    )
    aws.fail(LOOKUP, denied)

    take_step(aws)
    take_step(aws, until=AGAIN_AFTER)

    (text,) = texts_of(failed)
    assert text.startswith(f"It could not be read. {LOOKUP}: ")
    assert ActionRequest.objects.of_kind("search_trail").get().state == "done"
    assert not Event.objects.of(failed).with_code("trail.found").exists()
    assert Deployment.objects.get(pk=failed.pk).state == "rolled_back"


def test_a_throttled_lookup_is_repeated(failed: Deployment, aws: FakeAws) -> None:
    aws.trail_of_users["AWSCloudFormation"] = [call(failed, "sns:CreateTopic", code="AccessDenied")]
    aws.fail(LOOKUP, *[AwsRetryable("ThrottlingException", "Rate exceeded", LOOKUP)] * 2)

    take_step(aws)
    assert not texts_of(failed)
    take_step(aws)
    assert not texts_of(failed)
    take_step(aws)

    assert len(texts_of(failed)) == 1


def test_a_portal_that_was_stopped_makes_one_late_sweep(failed: Deployment, aws: FakeAws) -> None:
    aws.trail_of_users["AWSCloudFormation"] = [call(failed, "sns:CreateTopic", code="AccessDenied")]

    take_step(aws, until=AGAIN_AFTER)

    assert len(texts_of(failed)) == 1
    assert ActionRequest.objects.of_kind("search_trail").get().state == "done"


@pytest.fixture
def not_found(deployment: Deployment, aws: FakeAws) -> Deployment:
    """A creation whose topic somebody deleted."""
    fail_topic(aws, "Topic does not exist (HandlerErrorCode: NotFound)")
    return run(deployment, aws)


def test_only_changes_from_outside_before_the_failure_are_named(not_found: Deployment, aws: FakeAws) -> None:
    topic = Event.objects.of(not_found).get(status="CREATE_FAILED").physical_id
    assert topic
    portal = "arn:aws:sts::123456789012:assumed-role/sanso-portal/sanso"
    aws.trail_of_resources[topic] = [
        call(not_found, "sns:TagResource", 1),
        call(not_found, "sns:TagResource", 2, principal=portal, client="sanso"),
        call(not_found, "sns:GetTopicAttributes", 3, principal=ANA, is_read=True),
        call(not_found, "sns:DeleteTopic", 4, principal=ANA, client="", code="AccessDenied"),
        call(not_found, "sns:DeleteTopic", 5, principal=ANA, client="aws-cli/2.31.0"),
    ]

    take_step(aws)

    assert texts_of(not_found) == [
        f"{ANA} (aws-cli/2.31.0) called sns:DeleteTopic on the resource before it failed."
    ]


def test_a_success_and_a_failure_without_a_resource_search_nothing(
    deployment: Deployment, aws: FakeAws
) -> None:
    run(deployment, aws)

    assert not ActionRequest.objects.of_kind("search_trail").exists()
