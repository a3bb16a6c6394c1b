"""After a deletion or a failed creation, remaining resources in AWS are searched for and stored."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.aws.ec2 import NetworkInterface
from deployments.aws.logs import LogGroup
from deployments.aws.rds_backups import CLUSTER_SNAPSHOT, Backup
from deployments.cloudformation.remaining import Reason, Remaining, SearchState
from deployments.common.errors import AwsAccessError
from deployments.common.models import leases
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.recovery.commands.remaining import request_deletion_of
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.events import Event
from deployments.stacks.models.remaining import remaining_of
from deployments.stacks.models.stacks import Resource
from deployments.steps import step
from deployments.steps.action_requests import TRIES
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import make_deployment, make_environment, make_operator
from tests.fakes import FakeAws, lost_answer
from tests.message_texts import text_of
from tests.stacks.models.test_remaining import ROLLBACK_THAT_FAILS
from tests.stepping import run


def run_step(aws: FakeAws) -> None:
    """Take a step of every action request, as a worker does."""
    rows = ActionRequest.objects.active()
    rows.update(due_at=timezone.now() - timedelta(seconds=1))
    for pk, version in list(leases.claim_due(rows, timezone.now(), timedelta(seconds=30))):
        step.run_action_request(pk, version, aws)


def found(deployment: Deployment) -> Remaining:
    return remaining_of(Deployment.objects.for_page().get(pk=deployment.pk))


@pytest.fixture
def with_database(deployment: Deployment, aws: FakeAws) -> Deployment:
    """The deletion of an environment with a cluster and a function, which leave a snapshot and log groups."""
    aws.types = {"Vpc": "AWS::RDS::DBCluster", "Subnet": "AWS::Lambda::Function"}
    run(deployment, aws)
    cluster, function = (
        Resource.objects.of_deployment(deployment).get(logical_id=name).physical_id for name in aws.types
    )
    aws.backups[cluster] = [Backup(type=CLUSTER_SNAPSHOT, id="final", arn="arn:final", kind="manual")]
    aws.log_group_rows = {
        name: LogGroup(name=name, stored_bytes=7)
        for name in (
            f"/aws/lambda/{function}",
            f"/aws/lambda/{function}-of-another",
            f"/aws/rds/cluster/{cluster}/error",
        )
    }
    return make_deployment(deployment.environment, kind="delete")


def test_the_search_runs_after_a_deletion_and_finds_what_has_its_names(
    with_database: Deployment, aws: FakeAws
) -> None:
    aws.tagged_arns[str(with_database.environment.key)] = ["arn:final"]
    ended = run(with_database, aws)
    assert found(ended).search is SearchState.PENDING

    run_step(aws)

    remaining = found(ended)
    assert remaining.search is SearchState.DONE
    names = sorted(name for name in aws.log_group_rows if "another" not in name)
    assert [(one.reason, one.id) for one in remaining.resources[:3]] == [
        (Reason.SNAPSHOT, "final"),
        (Reason.LOGS, names[0]),
        (Reason.LOGS, names[1]),
    ]
    assert [one.reason for one in remaining.resources[3:]] == [Reason.ARTIFACTS]
    assert remaining.deletable == remaining.billed == remaining.resources
    event = Event.objects.of(ended).get(code="remaining.searched")
    assert event.values == {"resources": 4, "billed": 4, "problems": 0}


def test_artifacts_of_another_environment_are_not_offered_for_deletion(
    removal: Deployment, aws: FakeAws
) -> None:
    created = Deployment.objects.of(removal.environment).with_artifacts().get()
    other = make_deployment(make_environment("other"), state=State.SUCCEEDED)
    Deployment.objects.filter(pk=other.pk).update(
        artifact_bucket=created.artifact_bucket, artifact_prefix=created.artifact_prefix
    )

    ended = run(removal, aws)
    run_step(aws)

    (artifacts,) = found(ended).resources
    assert artifacts.details["shared_with"] == "other"
    assert not artifacts.can_delete


def test_a_service_that_may_not_be_searched_is_named_with_the_reason(
    removal: Deployment, aws: FakeAws
) -> None:
    aws.fail("tag:GetResources", AwsAccessError("AccessDenied", "no", "tag:GetResources"))

    ended = run(removal, aws)
    run_step(aws)

    remaining = found(ended)
    assert remaining.search is SearchState.INCOMPLETE
    assert {name: text_of(one) for name, one in remaining.problems.items()} == {
        "Resource Groups Tagging API": "AWS denied tag:GetResources (AccessDenied)."
    }


def test_a_search_goes_on_where_an_answer_was_lost(with_database: Deployment, aws: FakeAws) -> None:
    aws.fail("tag:GetResources", lost_answer("tag:GetResources"))
    ended = run(with_database, aws)

    run_step(aws)
    assert found(ended).search is SearchState.PENDING
    run_step(aws)

    assert found(ended).search is SearchState.DONE
    assert aws.calls.count("rds:DescribeDBClusterSnapshots") == 1


def test_a_search_that_is_never_answered_ends_and_says_so(removal: Deployment, aws: FakeAws) -> None:
    aws.fail("tag:GetResources", *[lost_answer("tag:GetResources")] * TRIES)
    ended = run(removal, aws)

    for _ in range(TRIES):
        run_step(aws)

    assert found(ended).search is SearchState.INCOMPLETE
    assert set(found(ended).problems) == {"Resource Groups Tagging API"}


def test_tagged_resources_are_found_unless_cloudformation_deleted_them(
    removal: Deployment, aws: FakeAws
) -> None:
    key = str(removal.environment.key)
    topic = Resource.objects.of_environment(removal.environment).filter(logical_id="Topic")[0].physical_id
    aws.tagged_arns[key] = [
        "arn:aws:ec2:ap-northeast-1:123456789012:volume/vol-1",
        "arn:aws:ec2:ap-northeast-1:123456789012:instance/i-running",
        "arn:aws:ec2:ap-northeast-1:123456789012:instance/i-terminated",
        "arn:aws:cloudformation:ap-northeast-1:123456789012:stack/sanso-staging/1",
        f"arn:aws:sns:ap-northeast-1:123456789012:{topic}",
    ]
    aws.running = {"i-running"}

    ended = run(removal, aws)
    run_step(aws)

    tagged = [one for one in found(ended).resources if one.reason is Reason.TAGGED]
    assert [(one.type, one.id.rpartition("/")[2]) for one in tagged] == [
        ("AWS::EC2::Volume", "vol-1"),
        ("AWS::EC2::Instance", "i-running"),
    ]


def test_interfaces_are_searched_for_while_their_vpc_is_there(deployment: Deployment, aws: FakeAws) -> None:
    aws.create_acts = ROLLBACK_THAT_FAILS
    ended = run(deployment, aws)
    vpc = next(one for one in found(ended).of_stacks if one.path == "Network/Vpc")
    Resource.objects.filter(physical_id=vpc.id).update(type="AWS::EC2::VPC")
    aws.interfaces[vpc.id] = [
        NetworkInterface(interface_id="eni-1", status="available", type="interface"),
        NetworkInterface(interface_id="eni-2", status="in-use", type="lambda"),
        NetworkInterface(interface_id="eni-3", status="in-use", type="nat_gateway"),
    ]

    run_step(aws)

    interfaces = [one for one in found(ended).resources if one.reason is Reason.INTERFACE]
    assert [(one.id, one.can_delete) for one in interfaces] == [("eni-1", True), ("eni-2", False)]


def test_chosen_resources_are_deleted_and_the_rest_is_found_again(
    with_database: Deployment, aws: FakeAws
) -> None:
    ended = run(with_database, aws)
    run_step(aws)
    request_deletion_of(
        user=make_operator(),
        deployment=Deployment.objects.for_page().get(pk=ended.pk),
        chosen=[(CLUSTER_SNAPSHOT, "final")],
        typed_name="staging",
    )
    run_step(aws)
    run_step(aws)

    assert list(aws.backups.values()) == [[]]
    assert Reason.SNAPSHOT not in {one.reason for one in found(ended).resources}
    assert len(found(ended).resources) == 3


def test_a_snapshot_whose_database_has_its_name_again_in_another_environment_is_left_alone(
    with_database: Deployment, aws: FakeAws, template_set: template_files.TemplateSet
) -> None:
    """With fixed names in templates, snapshots of the deleted environment look like the other one's."""
    ended = run(with_database, aws)
    run_step(aws)
    request_deletion_of(
        user=make_operator(),
        deployment=Deployment.objects.for_page().get(pk=ended.pk),
        chosen=[(CLUSTER_SNAPSHOT, "final")],
        typed_name="staging",
    )
    cluster = Resource.objects.of_environment(ended.environment).filter(type="AWS::RDS::DBCluster")[0]
    other = make_deployment(
        make_environment("other", account=ended.environment.account),
        template_digest=template_set.digest,
        parameters={"Size": "2"},
    )
    run(other, aws)
    taken = Resource.objects.of_deployment(other).filter(type="AWS::RDS::DBCluster")
    assert taken.update(physical_id=cluster.physical_id)

    run_step(aws)
    run_step(aws)

    (snapshot,) = [one for one in found(ended).resources if one.reason is Reason.SNAPSHOT]
    assert aws.backups[cluster.physical_id]
    assert (snapshot.can_delete, snapshot.details["shared_with"]) == (False, "other")


ASSOCIATION = """
  Configure:
    Type: AWS::SSM::Association
    Properties:
      Name: AWS-RunShellScript
      OutputLocation: {S3Location: {OutputS3BucketName: !Ref Bucket, OutputS3KeyPrefix: !Ref Folder}}
"""


def _writing_to(template_set: template_files.TemplateSet, folder: str, name: str) -> Deployment:
    """Return a creation whose association writes its output under `folder`."""
    root = template_set.folder / "root.yaml"
    if "Configure" not in root.read_text():
        text = root.read_text().replace("Size: {", "Folder: {Type: String}, Size: {", 1)
        root.write_text(text + ASSOCIATION)
    changed = template_files.load(template_set.folder)
    TemplateCheck.objects.get_or_create(digest=changed.digest, defaults={"findings": []})
    return make_deployment(
        make_environment(name), template_digest=changed.digest, parameters={"Folder": folder}
    )


@pytest.mark.django_db
def test_output_under_a_prefix_of_the_template_is_found_without_an_observation(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    deployment = _writing_to(template_set, "own/output", "staging")
    run(deployment, aws)
    deployment.refresh_from_db()
    aws.buckets[deployment.artifact_bucket].add("own/output/i-1/a-1/stdout")
    removal = make_deployment(deployment.environment, kind="delete")
    run(removal, aws)
    run_step(aws)

    (output,) = [one for one in found(removal).resources if one.reason is Reason.OUTPUTS]
    assert output.id == f"{deployment.artifact_bucket}/own/output/"
    assert output.can_delete


@pytest.mark.django_db
def test_output_that_another_environment_writes_to_as_well_is_not_deleted(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    deployment = _writing_to(template_set, "own/output", "staging")
    run(deployment, aws)
    deployment.refresh_from_db()
    make_deployment(
        make_environment("other", account=deployment.environment.account),
        state="succeeded",
        template_digest=deployment.template_digest,
        artifact_bucket=deployment.artifact_bucket,
        artifact_prefix="templates/other",
        parameters={"Folder": "own"},
    )
    aws.buckets[deployment.artifact_bucket].add("own/output/i-1/a-1/stdout")
    removal = make_deployment(deployment.environment, kind="delete")
    run(removal, aws)
    run_step(aws)

    (output,) = [one for one in found(removal).resources if one.reason is Reason.OUTPUTS]
    assert not output.can_delete
    assert output.details["shared_with"] == "other"
