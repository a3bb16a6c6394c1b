"""Texts in AWS's responses are redacted; identifiers for later calls are kept as they are."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from deployments import aws as gateways
from deployments.aws.autoscaling import Group, ScalingActivity
from deployments.aws.change_set_details import PropertyChange
from deployments.aws.cloudformation import ChangeSet, ResourceChange, ResourceView, StackView
from deployments.aws.elbv2 import LoadBalancer
from deployments.aws.logs import LogMessage
from deployments.aws.redacted import ADDRESSED, PUBLIC, redacted, without_secrets
from deployments.aws.session import Clients
from deployments.cloudformation.observed_resources import TYPES
from deployments.common.errors import AwsAccessError, AwsFailure, AwsNotFound, AwsRetryable, QuotaExhausted
from deployments.common.rules.redaction import NOTHING, Redactor, Values
from tests.builders import START, make_stack_event
from tests.fakes import FakeAws

SECRET = "hunter22"
redact = Redactor([Values([SECRET])])
REDACTED = {
    "Association.targets",
    "ChangeSet.changes", "ChangeSet.reason", "Cluster.members", "Cluster.pending", "DBInstance.pending",
    "FailedEvent.property_path", "FailedEvent.reason",
    "Group.instances", "Invocation.detail", "Invocation.error_output", "Invocation.output",
    "LoadBalancer.reason", "LogMessage.text", "NetworkInterface.description", "PendingAction.description",
    "PropertyChange.after", "PropertyChange.before", "PropertyChange.path",
    "ResourceChange.details", "ResourceChange.physical_id",
    "ResourceView.physical_id", "ResourceView.reason", "ScalingActivity.cause", "ScalingActivity.description",
    "ScalingActivity.message", "StackEvent.physical_id", "StackEvent.reason", "StackView.outputs",
    "StackView.parameters", "StackView.reason", "StreamEnd.lines", "StreamEnd.stream", "Tail.body",
    "TargetHealth.description", "TargetHealth.reason", "TrailEvent.client", "TrailEvent.code",
    "TrailEvent.message", "TrailEvent.principal", "ValidationFinding.property_path",
    "ValidationFinding.reason",
}  # fmt: skip
REQUESTS = ("ChangeSetRequest", "DeploymentConfig", "ParameterUpdate")
NO_TEXT = ("int", "float", "bool", "datetime", "Mapping[str, int]")
GATEWAYS = (
    *("autoscaling", "change_set_details", "cloudformation", "cloudtrail", "cloudwatch", "ec2", "elbv2"),
    *("logs", "rds", "rds_backups", "rds_maintenance", "s3", "secretsmanager", "ssm", "sts", "tagging"),
    "validation_events",
)


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def clients(aws: FakeAws) -> Clients:
    return redacted(aws(None), redact)  # type: ignore[arg-type]  # it serves every account


def answers() -> Iterator[type[Any]]:
    """Yield every dataclass that a gateway returns."""
    for found in pkgutil.iter_modules(gateways.__path__):
        module = importlib.import_module(f"{gateways.__name__}.{found.name}")
        for kind in vars(module).values() if found.name in GATEWAYS else ():
            if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == module.__name__:
                yield kind


def test_every_text_field_of_every_response_is_redacted_unless_it_is_an_identifier() -> None:
    found = {
        f"{kind.__name__}.{field.name}"
        for kind in answers()
        if kind.__name__
        not in ("ChangeSetRequest", "DeploymentConfig", "ParameterUpdate")  # requests, not responses
        for field in fields(kind)
        if field.name not in PUBLIC and not str(field.type).startswith(NO_TEXT)
    }
    assert found == REDACTED


def test_every_identifier_field_in_the_list_exists() -> None:
    assert {field.name for kind in answers() for field in fields(kind)} >= PUBLIC


def test_observed_resources_keep_the_identifier_by_which_they_are_called() -> None:
    assert set(TYPES) <= ADDRESSED


def test_events_resources_stacks_and_change_sets_contain_no_secret_value() -> None:
    event = make_stack_event("Table", "CREATE_FAILED", reason=f"no {SECRET}", physical_id=f"id-{SECRET}")
    resource = ResourceView(
        logical_id="Table", physical_id=SECRET, type="Custom::Table", status="CREATE_FAILED", reason=SECRET
    )
    stack = StackView(
        stack_id="id",
        name="shop",
        status="CREATE_FAILED",
        reason=SECRET,
        outputs={"Link": f"?t={SECRET}"},
        tags={},
    )
    detail = PropertyChange(attribute="Properties", before=SECRET, after=f"a {SECRET}")
    change = ResourceChange(
        action="Add", logical_id="Table", type="Custom::Table", physical_id=SECRET, details=(detail,)
    )
    change_set = ChangeSet(
        change_set_id="c",
        stack_id="id",
        status="FAILED",
        execution_status="",
        reason=SECRET,
        changes=(change,),
    )

    for one in (event, resource, stack, change_set):
        clean = without_secrets([one], redact)[0]
        assert SECRET not in str(clean)
        assert "****" in str(clean)
    assert without_secrets(event, redact).reason == "no ****"
    assert without_secrets(stack, redact).outputs == {"Link": "?t=****"}


def test_identifiers_for_later_calls_are_kept() -> None:
    function = ResourceView(
        logical_id="Function",
        physical_id=f"shop-{SECRET}",
        type="AWS::Lambda::Function",
        status="CREATE_FAILED",
        reason=f"{SECRET} is no name",
    )
    group = Group(name=f"shop-{SECRET}", desired=1, minimum=1, maximum=1)
    balancer = LoadBalancer(
        arn=f"arn:{SECRET}",
        name="shop",
        dns_name=f"{SECRET}.elb.example",
        type="network",
        state="failed",
        reason=SECRET,
    )

    assert without_secrets(function, redact).physical_id == f"shop-{SECRET}"
    assert without_secrets(function, redact).reason == "**** is no name"
    assert without_secrets(group, redact) is group
    assert without_secrets(balancer, redact).arn == f"arn:{SECRET}"
    assert without_secrets(balancer, redact).reason == "****"


def test_logs_outputs_and_activities_contain_no_secret_value(aws: FakeAws, clients: Clients) -> None:
    aws.logs["/group", "stream"] = [LogMessage(at=START, text=f"with {SECRET}")]
    aws.stored["bucket", "stdout"] = b"\xe3 with " + SECRET.encode() + b"\n"
    aws.scaling_groups["shop"] = Group(name="shop", desired=1, minimum=1, maximum=1)
    aws.scaling_activities["shop"] = [
        ScalingActivity(
            activity_id="a", group="shop", status="Failed", description=SECRET, cause=SECRET, message=SECRET,
            progress=100, started_at=START,
        )
    ]  # fmt: skip

    (line,) = clients.logs.tail("/group", "stream", 10)
    found = clients.logs.written_before("/group", START, START)
    (activity,) = clients.autoscaling.activities("shop", 10)

    assert line.text == "with ****"
    assert found is not None
    assert found.lines == (line,)
    assert clients.s3.read_tail("bucket", "stdout", 100).body == b"\xe3 with ****\n"
    assert (activity.description, activity.cause, activity.message) == ("****",) * 3


@pytest.mark.parametrize("kind", [AwsAccessError, AwsNotFound, AwsRetryable])
def test_an_aws_error_contains_no_secret_value_and_keeps_the_rest(
    aws: FakeAws, clients: Clients, kind: type[AwsFailure]
) -> None:
    operation = "cloudformation:DescribeStacks"
    aws.fail(operation, kind("ValidationError", f"Value '{SECRET}' at 'parameters'", operation, "id-1"))

    with pytest.raises(kind) as raised:
        clients.cloudformation.describe_stack("shop")

    failure = raised.value
    assert SECRET not in repr(failure)
    assert (failure.code, failure.operation, failure.request_id) == ("ValidationError", operation, "id-1")
    assert failure.message == "Value '****' at 'parameters'"
    assert failure.__suppress_context__  # logs do not contain its cause


def test_a_quota_error_keeps_its_retry_time(aws: FakeAws, clients: Clients) -> None:
    aws.fail("cloudformation:DescribeStacks", QuotaExhausted("cloudformation:DescribeStacks", 1.5))

    with pytest.raises(QuotaExhausted) as raised:
        clients.cloudformation.describe_stack("shop")

    assert raised.value.seconds == 1.5


def test_without_secrets_the_gateways_are_not_wrapped(aws: FakeAws) -> None:
    plain = aws(None)  # type: ignore[arg-type]  # it serves every account
    assert redacted(plain, NOTHING) is plain
