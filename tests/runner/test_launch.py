"""A create from preflight to its end, against an account in memory."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from deployments import catalog
from deployments.core.phases import State
from deployments.errors import AwsAccessError, AwsRejected, AwsRetryable
from deployments.models import Deployment, Environment, Event, Resource, Stack, TemplateCheck
from deployments.runner import event_log
from deployments.wording import stored_text
from tests.builders import make_deployment, make_environment, make_stack, make_stack_event
from tests.fakes import FakeAws, FakeStack, lost_answer
from tests.runner.conftest import one_tick, run
from tests.wordings import reason

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


def test_a_launch_ends_with_outputs_and_every_row_complete(deployment: Deployment, aws: FakeAws) -> None:
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


def test_events_are_numbered_without_a_gap_and_tell_the_whole_story(
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


def test_resources_are_known_before_the_change_set_is_executed(deployment: Deployment, aws: FakeAws) -> None:
    waiting = run(deployment, aws, until=lambda d: d.state == State.STACKS)

    assert set(Resource.objects.filter(stack__deployment=waiting).values_list("logical_id", "status")) == {
        (name, "") for name in ("Topic", "Network", "Vpc", "Subnet")
    }


def test_the_bucket_is_made_hardened_and_filled(deployment: Deployment, aws: FakeAws) -> None:
    ended = run(deployment, aws)

    bucket = aws.buckets["sanso-artifacts-123456789012-ap-northeast-1"]
    assert "(hardened)" in bucket
    assert f"sanso/{deployment.template_digest}/root.yaml" in bucket
    assert aws.requests[0].parameters == {
        "Size": "2",
        "Bucket": ended.artifact_bucket,
        "Prefix": ended.artifact_prefix,
    }


@pytest.mark.parametrize("operation", MUTATIONS)
def test_a_call_that_was_carried_out_but_not_answered_is_not_done_twice(
    deployment: Deployment, aws: FakeAws, operation: str
) -> None:
    aws.fail(operation, lost_answer(operation), lost_answer(operation), after=True)

    ended = run(deployment, aws)

    assert ended.state == State.SUCCEEDED
    assert len(aws.live_stacks("sanso-staging")) == 1
    assert numbers(ended) == list(range(1, ended.last_seq + 1))


@pytest.mark.parametrize("operation", [*MUTATIONS, "cloudformation:DescribeStackEvents"])
def test_throttling_makes_a_deployment_slower_and_never_fails_it(
    deployment: Deployment, aws: FakeAws, operation: str
) -> None:
    aws.fail(operation, *[AwsRetryable("Throttling", "Rate exceeded", operation)] * 5)

    ended = run(deployment, aws)

    assert ended.state == State.SUCCEEDED
    assert codes(ended).count("attention") == 1
    assert codes(ended).count("attention.over") == 1


def test_a_denied_action_before_anything_was_made_fails_and_names_the_action(
    deployment: Deployment, aws: FakeAws
) -> None:
    operation = "cloudformation:CreateChangeSet"
    aws.fail(operation, AwsAccessError("AccessDenied", "User is not authorized", operation))

    ended = run(deployment, aws)

    assert ended.state == State.FAILED
    assert "Allow cloudformation:CreateChangeSet for the role" in reason(ended)
    assert Environment.objects.get(pk=ended.environment_id).stack_id == ""


def test_a_denied_look_while_stacks_are_made_waits_and_goes_on(deployment: Deployment, aws: FakeAws) -> None:
    run(deployment, aws, until=lambda d: "stacks.started" in codes(d))
    operation = "cloudformation:DescribeStackEvents"
    aws.fail(operation, AwsAccessError("ExpiredToken", "The token has expired", operation))
    one_tick(deployment, aws)

    waiting = Deployment.objects.get(pk=deployment.pk)
    assert waiting.attention_code == "ExpiredToken"
    assert run(deployment, aws).state == State.SUCCEEDED


def test_a_stack_name_that_somebody_else_has_is_told_before_anything_is_made(
    deployment: Deployment, aws: FakeAws
) -> None:
    aws.stacks["theirs"] = FakeStack("sanso-staging", "theirs", status="CREATE_COMPLETE")

    ended = run(deployment, aws)

    assert ended.error_code == "StackNameTaken"
    assert "Choose another environment name" in reason(ended)
    assert not aws.buckets


def test_a_remnant_that_was_never_executed_is_removed_first(deployment: Deployment, aws: FakeAws) -> None:
    aws.stacks["old"] = FakeStack("sanso-staging", "old", tags={"sanso:environment": "an older one"})

    ended = run(deployment, aws)

    assert ended.state == State.SUCCEEDED
    assert aws.stacks["old"].status == "DELETE_COMPLETE"


def test_a_bucket_of_another_account_is_told_with_what_to_do(deployment: Deployment, aws: FakeAws) -> None:
    aws.foreign_buckets.add("sanso-artifacts-123456789012-ap-northeast-1")

    assert run(deployment, aws).error_code == "BucketOwnedByAnother"


def test_insufficient_capabilities_name_the_setting(deployment: Deployment, aws: FakeAws) -> None:
    operation = "cloudformation:CreateChangeSet"
    refused = AwsRejected(
        "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]", operation
    )
    aws.fail(operation, refused)

    ended = run(deployment, aws)

    assert ended.error_code == "InsufficientCapabilities"
    assert "SANSO_CAPABILITIES" in reason(ended)


def test_a_change_set_that_fails_leaves_no_empty_stack(deployment: Deployment, aws: FakeAws) -> None:
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


def test_a_set_is_linted_once_however_many_deployments_wait_for_it(
    db: None, aws: FakeAws, template_set: catalog.TemplateSet
) -> None:
    first, second = (
        make_deployment(make_environment(), template_digest=template_set.digest, parameters={"Size": "2"})
        for _ in range(2)
    )
    runs = 0

    def lint(_set: catalog.TemplateSet) -> list[dict[str, str]]:
        nonlocal runs
        runs += 1
        one_tick(second, aws)
        return []

    with patch("deployments.runner.preflight.findings", lint):
        one_tick(first, aws)
        waiting = Deployment.objects.get(pk=second.pk)
        run(second, aws, until=lambda d: d.state != State.PREFLIGHT)

    assert runs == 1
    assert (waiting.state, waiting.failures) == (State.PREFLIGHT, 0)


def test_a_set_that_changes_after_the_preflight_is_not_uploaded_below_the_old_digest(
    deployment: Deployment, aws: FakeAws, template_set: catalog.TemplateSet
) -> None:
    run(deployment, aws, until=lambda d: d.state == State.ARTIFACTS)
    root = template_set.folder / "root.yaml"
    root.write_text(root.read_text().replace("Topic:", "OtherTopic:"))

    ended = run(deployment, aws)

    assert (ended.state, ended.error_code) == ("failed", "TemplateSetChanged")
    assert "s3:PutObject" not in aws.calls


def test_a_failed_resource_is_named_when_everything_was_rolled_back(
    deployment: Deployment, aws: FakeAws
) -> None:
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


def test_a_stack_deleted_behind_our_back_ends_the_deployment_with_that_reason(
    deployment: Deployment, aws: FakeAws
) -> None:
    run(deployment, aws, until=lambda d: "stacks.started" in codes(d))
    aws.stacks.clear()

    ended = run(deployment, aws)

    assert ended.error_code == "StackGone"
    assert Environment.objects.get(pk=ended.environment_id).stack_id == ""


def test_a_bug_of_ours_is_retried_and_then_told_without_its_details(
    deployment: Deployment, aws: FakeAws
) -> None:
    aws.fail("sts:GetCallerIdentity", *[RuntimeError("secret detail")] * 20)

    ended = run(deployment, aws)

    assert ended.error_code == "InternalError"
    assert "secret detail" not in reason(ended)


def test_a_worker_that_lost_its_claim_changes_nothing_more(deployment: Deployment, aws: FakeAws) -> None:
    def steal(operation: str) -> None:
        if operation == "s3:ListBucket":
            Deployment.objects.filter(pk=deployment.pk).update(version=99)

    aws.on_call = steal
    one_tick(deployment, aws)

    assert "s3:CreateBucket" not in aws.calls
    assert Deployment.objects.get(pk=deployment.pk).state == State.PREFLIGHT


def test_two_environments_do_not_see_each_other(deployment: Deployment, aws: FakeAws) -> None:
    other = make_deployment(
        make_environment("second", account=deployment.environment.account),
        template_digest=deployment.template_digest,
        parameters={"Size": "2"},
    )

    assert run(deployment, aws).state == State.SUCCEEDED
    assert run(other, aws).state == State.SUCCEEDED
    assert len(aws.live_stacks("sanso-staging")) == len(aws.live_stacks("sanso-second")) == 1


def test_a_deployment_requested_before_a_parameter_existed_leaves_it_to_the_templates_default(
    deployment: Deployment, aws: FakeAws, template_set: catalog.TemplateSet
) -> None:
    """The default is what a stack without the parameter does; `new_environments` is for later requests."""
    while Deployment.objects.get(pk=deployment.pk).state != State.CHANGE_SET:
        one_tick(deployment, aws)
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


def test_a_set_with_a_written_out_prefix_is_uploaded_there(
    deployment: Deployment, aws: FakeAws, template_set: catalog.TemplateSet
) -> None:
    (template_set.folder / "template-set.yaml").unlink()
    (template_set.folder / "root.yaml").write_text(
        "Parameters: {Bucket: {Type: String}, Size: {Type: Number, Default: 2}}\n"
        "Resources:\n  Inner:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n"
        "      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/fa-094/inner.yaml\n"
    )
    (template_set.folder / "inner.yaml").write_text("Resources: {Topic: {Type: AWS::SNS::Topic}}\n")
    digest = catalog.load(template_set.folder).digest
    TemplateCheck.objects.create(digest=digest, findings=[])
    Deployment.objects.update(template_digest=digest)

    ended = run(deployment, aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert {"fa-094/root.yaml", "fa-094/inner.yaml"} <= aws.buckets[ended.artifact_bucket]
