"""A creation from preflight to its end, in an in-memory account."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from deployments.common.errors import AwsAccessError, AwsRejected, AwsRetryable
from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource, Stack
from deployments.stacks.shared import event_log
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import make_deployment, make_environment, make_stack, make_stack_event
from tests.fakes import FakeAws, FakeStack, lost_answer
from tests.message_texts import reason
from tests.stepping import run, take_step

pytestmark = pytest.mark.core

MUTATIONS = [
    "s3:CreateBucket",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutObject",
    "cloudformation:CreateChangeSet",
    "cloudformation:ExecuteChangeSet",
]


def codes(deployment: Deployment) -> list[str]:
    return list(Event.objects.of(deployment).filter(source="portal").values_list("code", flat=True))


def numbers(deployment: Deployment) -> list[int]:
    return list(Event.objects.of(deployment).values_list("seq", flat=True))


def test_a_creation_ends_with_outputs_and_every_row_complete(deployment: Deployment, aws: FakeAws) -> None:
    ended = run(deployment, aws)

    assert ended.state == State.SUCCEEDED
    environment = Environment.objects.get(pk=ended.environment_id)
    assert environment.outputs == {"URL": "http://alb.example"}
    assert environment.stack_status == "CREATE_COMPLETE"
    assert set(Stack.objects.of(ended).values_list("path", "status")) == {
        ("", "CREATE_COMPLETE"),
        ("Network", "CREATE_COMPLETE"),
    }
    assert set(Resource.objects.filter(stack__deployment=ended).values_list("logical_id", "status")) == {
        (name, "CREATE_COMPLETE") for name in ("Topic", "Network", "Vpc", "Subnet")
    }


def test_every_step_has_an_event_and_events_are_numbered_without_gaps(
    deployment: Deployment, aws: FakeAws
) -> None:
    ended = run(deployment, aws)

    assert numbers(ended) == list(range(1, ended.last_seq + 1))
    assert codes(ended) == [
        "preflight.identity",
        "preflight.templates",
        "preflight.name",
        "preflight.bucket",
        "phase",
        "artifacts.uploaded",
        "phase",
        "change_set.created",
        "phase",
        "stacks.started",
        "ended",
    ]
    assert Event.objects.of(ended).filter(source="cloudformation").count() == len(aws.create_acts)


def test_resources_have_rows_before_the_change_set_is_executed(deployment: Deployment, aws: FakeAws) -> None:
    waiting = run(deployment, aws, until=lambda d: d.state == State.STACKS)

    assert set(Resource.objects.filter(stack__deployment=waiting).values_list("logical_id", "status")) == {
        (name, "") for name in ("Topic", "Network", "Vpc", "Subnet")
    }


def test_the_bucket_is_created_hardened_and_filled(
    deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet
) -> None:
    ended = run(deployment, aws)

    bucket = aws.buckets["sanso-artifacts-123456789012-ap-northeast-1"]
    assert "(hardened)" in bucket
    assert f"sanso/{template_set.objects_digest}/root.yaml" in bucket
    assert aws.requests[0].parameters == {
        "Size": "2",
        "Bucket": ended.artifact_bucket,
        "Prefix": ended.artifact_prefix,
    }


@pytest.mark.parametrize("operation", MUTATIONS)
def test_a_call_whose_response_was_lost_takes_effect_once(
    deployment: Deployment, aws: FakeAws, operation: str
) -> None:
    aws.fail(operation, lost_answer(operation), lost_answer(operation), after=True)

    ended = run(deployment, aws)

    assert ended.state == State.SUCCEEDED
    assert len(aws.live_stacks("sanso-staging")) == 1
    assert numbers(ended) == list(range(1, ended.last_seq + 1))


@pytest.mark.parametrize("operation", [*MUTATIONS, "cloudformation:DescribeStackEvents"])
def test_throttling_slows_a_deployment_down_but_does_not_fail_it(
    deployment: Deployment, aws: FakeAws, operation: str
) -> None:
    aws.fail(operation, *[AwsRetryable("Throttling", "Rate exceeded", operation)] * 5)

    ended = run(deployment, aws)

    assert ended.state == State.SUCCEEDED
    assert codes(ended).count("attention") == 1
    assert codes(ended).count("attention.over") == 1


def test_a_denied_action_before_the_stacks_fails_the_deployment_and_is_named(
    deployment: Deployment, aws: FakeAws
) -> None:
    operation = "cloudformation:CreateChangeSet"
    aws.fail(operation, AwsAccessError("AccessDenied", "User is not authorized", operation))

    ended = run(deployment, aws)

    assert ended.state == State.FAILED
    assert "Allow cloudformation:CreateChangeSet for the role" in reason(ended)
    assert Environment.objects.get(pk=ended.environment_id).stack_id == ""


def test_a_denied_poll_during_the_stacks_is_retried(deployment: Deployment, aws: FakeAws) -> None:
    run(deployment, aws, until=lambda d: "stacks.started" in codes(d))
    operation = "cloudformation:DescribeStackEvents"
    aws.fail(operation, AwsAccessError("ExpiredToken", "The token has expired", operation))
    take_step(deployment, aws)

    waiting = Deployment.objects.get(pk=deployment.pk)
    assert waiting.attention_code == "ExpiredToken"
    assert run(deployment, aws).state == State.SUCCEEDED


def test_a_taken_stack_name_fails_the_preflight(deployment: Deployment, aws: FakeAws) -> None:
    aws.stacks["theirs"] = FakeStack("sanso-staging", "theirs", status="CREATE_COMPLETE")

    ended = run(deployment, aws)

    assert ended.error_code == "StackNameTaken"
    assert "Choose another environment name" in reason(ended)
    assert not aws.buckets


def test_a_stack_that_was_never_executed_is_deleted_first(deployment: Deployment, aws: FakeAws) -> None:
    aws.stacks["old"] = FakeStack("sanso-staging", "old", tags={"sanso:environment": "an older one"})

    ended = run(deployment, aws)

    assert ended.state == State.SUCCEEDED
    assert aws.stacks["old"].status == "DELETE_COMPLETE"


def test_a_bucket_of_another_account_fails_the_deployment(deployment: Deployment, aws: FakeAws) -> None:
    aws.foreign_buckets.add("sanso-artifacts-123456789012-ap-northeast-1")

    assert run(deployment, aws).error_code == "BucketOwnedByAnother"


def test_the_error_about_capabilities_names_the_setting(deployment: Deployment, aws: FakeAws) -> None:
    operation = "cloudformation:CreateChangeSet"
    refused = AwsRejected(
        "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]", operation
    )
    aws.fail(operation, refused)

    ended = run(deployment, aws)

    assert ended.error_code == "InsufficientCapabilities"
    assert "SANSO_CAPABILITIES" in reason(ended)


def test_a_failed_change_set_leaves_no_empty_stack(deployment: Deployment, aws: FakeAws) -> None:
    operation = "cloudformation:DescribeChangeSet"
    aws.fail(operation, AwsRejected("ValidationError", "Template error", operation))

    ended = run(deployment, aws)

    assert ended.state == State.FAILED
    assert aws.live_stacks("sanso-staging") == []


def test_a_template_set_with_lint_errors_is_not_deployed(deployment: Deployment, aws: FakeAws) -> None:
    finding = {"level": "Error", "rule": "E3012", "file": "root.yaml", "line": "4", "message": "is not a"}
    TemplateCheck.objects.update(findings=[finding])

    ended = run(deployment, aws)

    assert ended.error_code == "TemplateSetHasErrors"
    assert "root.yaml:4 E3012" in reason(ended)


def test_a_template_set_that_changed_since_the_form_is_not_deployed(
    deployment: Deployment, aws: FakeAws
) -> None:
    Deployment.objects.update(template_digest="0" * 64)

    assert run(deployment, aws).error_code == "TemplateSetChanged"


def test_a_set_is_linted_once_for_concurrent_deployments(
    db: None, aws: FakeAws, template_set: template_files.TemplateSet
) -> None:
    first, second = (
        make_deployment(make_environment(), template_digest=template_set.digest, parameters={"Size": "2"})
        for _ in range(2)
    )
    runs = 0

    def lint(_set: template_files.TemplateSet) -> list[dict[str, str]]:
        nonlocal runs
        runs += 1
        take_step(second, aws)
        return []

    with patch("deployments.template_sets.shared.versions.findings", lint):
        take_step(first, aws)
        waiting = Deployment.objects.get(pk=second.pk)
        run(second, aws, until=lambda d: d.state != State.PREFLIGHT)

    assert runs == 1
    assert (waiting.state, waiting.failures) == (State.PREFLIGHT, 0)


def test_a_set_that_changes_after_the_preflight_is_not_uploaded(
    deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet
) -> None:
    run(deployment, aws, until=lambda d: d.state == State.ARTIFACTS)
    root = template_set.folder / "root.yaml"
    root.write_text(root.read_text().replace("Topic:", "OtherTopic:"))

    ended = run(deployment, aws)

    assert (ended.state, ended.error_code) == ("failed", "TemplateSetChanged")
    assert "s3:PutObject" not in aws.calls


def test_the_failed_resource_is_named_after_the_rollback(deployment: Deployment, aws: FakeAws) -> None:
    echo = "Embedded stack arn:x was not successfully created: The following resource(s) failed to create"
    aws.create_acts = [
        *aws.create_acts[:4],
        ("Network", "Vpc", "CREATE_FAILED", "The maximum number of VPCs has been reached."),
        ("Network", "Subnet", "CREATE_FAILED", "Resource creation cancelled"),
        ("Network", "", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Vpc]."),
        ("Network", "", "ROLLBACK_COMPLETE", ""),
        ("", "Network", "CREATE_FAILED", echo),
        ("", "", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Network]."),
        ("", "Network", "DELETE_IN_PROGRESS", ""),
        ("Network", "", "DELETE_IN_PROGRESS", ""),
        ("Network", "", "DELETE_COMPLETE", ""),
        ("", "Network", "DELETE_COMPLETE", ""),
        ("", "", "ROLLBACK_COMPLETE", ""),
    ]

    ended = run(deployment, aws)

    assert ended.state == State.ROLLED_BACK
    assert reason(ended) == ("Network/Vpc (AWS::SNS::Topic): The maximum number of VPCs has been reached.")
    assert Stack.objects.get(deployment=ended, path="Network").status == "DELETE_COMPLETE"
    environment = Environment.objects.get(pk=ended.environment_id)
    assert stored_text(environment.health_sentence) == "Its creation failed: there is nothing to monitor."


def test_a_stack_that_is_deleted_outside_of_sanso_fails_the_deployment(
    deployment: Deployment, aws: FakeAws
) -> None:
    run(deployment, aws, until=lambda d: "stacks.started" in codes(d))
    aws.stacks.clear()

    ended = run(deployment, aws)

    assert ended.error_code == "StackGone"
    assert Environment.objects.get(pk=ended.environment_id).stack_id == ""


def test_an_internal_error_is_retried_and_then_reported_without_details(
    deployment: Deployment, aws: FakeAws
) -> None:
    aws.fail("sts:GetCallerIdentity", *[RuntimeError("secret detail")] * 20)

    ended = run(deployment, aws)

    assert ended.error_code == "InternalError"
    assert "secret detail" not in reason(ended)


def test_a_worker_that_lost_its_claim_changes_nothing_in_aws(deployment: Deployment, aws: FakeAws) -> None:
    def take_claim(operation: str) -> None:
        if operation == "s3:ListBucket":
            Deployment.objects.filter(pk=deployment.pk).update(version=99)

    aws.on_call = take_claim
    take_step(deployment, aws)

    assert "s3:CreateBucket" not in aws.calls
    assert Deployment.objects.get(pk=deployment.pk).state == State.PREFLIGHT


def test_two_environments_in_an_account_are_independent(deployment: Deployment, aws: FakeAws) -> None:
    other = make_deployment(
        make_environment("second", account=deployment.environment.account),
        template_digest=deployment.template_digest,
        parameters={"Size": "2"},
    )

    assert run(deployment, aws).state == State.SUCCEEDED
    assert run(other, aws).state == State.SUCCEEDED
    assert len(aws.live_stacks("sanso-staging")) == len(aws.live_stacks("sanso-second")) == 1


def test_a_parameter_added_after_the_request_gets_the_default_of_the_template(
    deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet
) -> None:
    """The default keeps the behavior of older stacks; `new_environments` is for later requests."""
    while Deployment.objects.get(pk=deployment.pk).state != State.CHANGE_SET:
        take_step(deployment, aws)
    root, manifest = template_set.root, template_set.folder / "template-set.yaml"
    default = "Protocol: {Type: String, Default: uwsgi}, Size:"
    root.write_text(root.read_text().replace("Size:", default))
    manifest.write_text(manifest.read_text() + "new_environments: {Protocol: http}\n")

    assert run(deployment, aws).state == State.SUCCEEDED

    (request,) = aws.requests
    assert set(request.parameters) == {"Bucket", "Prefix", "Size"}


def test_two_stacks_may_have_the_same_event_id(deployment: Deployment) -> None:
    one, other = make_stack(deployment), make_stack(deployment, "Inner")
    same = "Group-CREATE_COMPLETE-2026-11-25T01:29:11.799Z"
    events = [
        event_log.of_stack(
            stack, make_stack_event("Group", "CREATE_COMPLETE", stack=stack.name, event_id=same)
        )
        for stack in (one, other)
    ]

    assert event_log.append(deployment, events) == 2
    assert event_log.append(deployment, events) == 0


def test_a_set_with_a_literal_prefix_is_uploaded_there(
    deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet
) -> None:
    (template_set.folder / "template-set.yaml").unlink()
    (template_set.folder / "root.yaml").write_text(
        "Parameters: {Bucket: {Type: String}, Size: {Type: Number, Default: 2}}\n"
        "Resources:\n  Inner:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n"
        "      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/fa-094/inner.yaml\n"
    )
    (template_set.folder / "inner.yaml").write_text("Resources: {Topic: {Type: AWS::SNS::Topic}}\n")
    digest = template_files.load(template_set.folder).digest
    TemplateCheck.objects.create(digest=digest, findings=[])
    Deployment.objects.update(template_digest=digest)

    ended = run(deployment, aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert {"fa-094/root.yaml", "fa-094/inner.yaml"} <= aws.buckets[ended.artifact_bucket]


def test_a_complete_stack_is_not_held_up_by_throttled_events(deployment: Deployment, aws: FakeAws) -> None:
    def is_complete(_row: Deployment) -> bool:
        return any(stack.status == "CREATE_COMPLETE" and not stack.parent for stack in aws.stacks.values())

    run(deployment, aws, until=is_complete)
    operation = "cloudformation:DescribeStackEvents"
    aws.fail(operation, *[AwsRetryable("Throttling", "Rate exceeded", operation)] * 100)

    ended = run(deployment, aws)

    assert ended.state == State.SUCCEEDED
    assert Environment.objects.get(pk=ended.environment_id).stack_status == "CREATE_COMPLETE"
