"""Associations, their executions, and running them again, in the API's own shapes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deployments.aws.outputs import outputs_of
from deployments.aws.ssm import Association, ExecutionTarget, SSMGateway, read_counts
from deployments.common.errors import AwsNotFound
from tests.aws.conftest import Stub
from tests.builders import START
from tests.fakes import FakeAws

ID = "8dfe3659-4309-493a-8755-0123456789ab"
RUN = "76a5a04f-caf6-490c-b448-92c02d9c4d7b"


def test_an_association_is_read_with_its_overview_and_output_location(stub: Stub) -> None:
    client, stubber = stub("ssm")
    stubber.add_response(
        "describe_association",
        {
            "AssociationDescription": {
                "AssociationId": ID,
                "AssociationName": "web-servers",
                "Name": "AWS-RunShellScript",
                "AssociationVersion": "2",
                "Status": {"Date": START, "Name": "Pending", "Message": "never to be looked at"},
                "Overview": {
                    "Status": "Failed",
                    "DetailedStatus": "Failed",
                    "AssociationStatusAggregatedCount": {"Success": 1, "Failed": 1},
                },
                "OutputLocation": {
                    "S3Location": {"OutputS3BucketName": "bucket", "OutputS3KeyPrefix": "logs/web"}
                },
                "LastExecutionDate": START,
                "Targets": [{"Key": "tag:Server", "Values": ["ApacheWeb", "Nginx"]}],
            }
        },
        {"AssociationId": ID},
    )
    stubber.add_client_error("describe_association", "AssociationDoesNotExist")
    stubber.add_response(
        "describe_association", {"AssociationDescription": {"AssociationId": "bare", "Name": "Own"}}
    )

    full, bare = SSMGateway(client).associations([ID, "gone", "bare"])

    assert full == Association(
        association_id=ID,
        name="web-servers",
        document="AWS-RunShellScript",
        version="2",
        status="Failed",
        detailed_status="Failed",
        last_execution_at=START,
        counts={"Success": 1, "Failed": 1},
        output_bucket="bucket",
        output_prefix="logs/web",
        targets={"tag:Server": ("ApacheWeb", "Nginx")},
    )
    assert (bare.status, bare.counts, bare.output_bucket, bare.last_execution_at) == ("", {}, "", None)


def test_executions_are_returned_newest_first_whatever_their_order_in_the_response(stub: Stub) -> None:
    client, stubber = stub("ssm")
    rows = [
        {
            "AssociationId": ID,
            "ExecutionId": f"run-{number}",
            "Status": "Success",
            "DetailedStatus": "Success",
            "CreatedTime": START + timedelta(minutes=number),
            "ResourceCountByStatus": "{Success=2, Failed=1}",
        }
        for number in (2, 1, 3)
    ]
    expected = {"AssociationId": ID, "MaxResults": 3}
    stubber.add_response(
        "describe_association_executions", {"AssociationExecutions": rows[:2], "NextToken": "more"}, expected
    )
    stubber.add_response(
        "describe_association_executions",
        {"AssociationExecutions": rows[2:]},
        expected | {"NextToken": "more"},
    )

    found = SSMGateway(client).executions(ID, 3)

    assert [execution.execution_id for execution in found] == ["run-3", "run-2", "run-1"]
    assert found[0].counts == {"Success": 2, "Failed": 1}


def test_missing_counts_are_empty() -> None:
    assert read_counts("") == {}
    assert read_counts("{TimedOut=10, Success=190}") == {"TimedOut": 10, "Success": 190}


def test_the_instances_of_an_execution_are_read_over_all_pages(stub: Stub) -> None:
    client, stubber = stub("ssm")
    expected = {"AssociationId": ID, "ExecutionId": RUN, "MaxResults": 50}
    failed = {
        "AssociationId": ID,
        "ExecutionId": RUN,
        "ResourceId": "i-0123456789abcdef0",
        "ResourceType": "ManagedInstance",
        "Status": "Failed",
        "DetailedStatus": "Failed",
        "LastExecutionDate": START,
        "OutputSource": {"OutputSourceId": RUN, "OutputSourceType": "RunCommand"},
    }
    waiting = {"AssociationId": ID, "ExecutionId": RUN, "ResourceId": "i-2", "Status": "Pending"}
    operation = "describe_association_execution_targets"
    stubber.add_response(operation, {"AssociationExecutionTargets": [failed], "NextToken": "more"}, expected)
    stubber.add_response(
        operation, {"AssociationExecutionTargets": [waiting]}, expected | {"NextToken": "more"}
    )

    first, second = SSMGateway(client).execution_targets(ID, RUN, "bucket", "logs/web/")

    assert first == ExecutionTarget(
        association_id=ID,
        execution_id=RUN,
        instance_id="i-0123456789abcdef0",
        status="Failed",
        detailed_status="Failed",
        at=START,
        output_bucket="bucket",
        output_key=f"logs/web/i-0123456789abcdef0/{ID}/",
    )
    assert (second.status, second.at) == ("Pending", None)


def test_a_deleted_execution_is_not_found(stub: Stub) -> None:
    client, stubber = stub("ssm")
    stubber.add_client_error("describe_association_execution_targets", "AssociationExecutionDoesNotExist")
    with pytest.raises(AwsNotFound):
        SSMGateway(client).execution_targets(ID, RUN)


def test_associations_are_started_ten_per_call(stub: Stub) -> None:
    client, stubber = stub("ssm")
    ids = [f"8dfe3659-4309-493a-8755-{number:012d}" for number in range(12)]
    for chunk in (ids[:10], ids[10:]):
        stubber.add_response("start_associations_once", {}, {"AssociationIds": chunk})

    SSMGateway(client).start_associations_once(ids)


def test_an_association_is_run_on_single_instances_by_refreshing_it(stub: Stub) -> None:
    client, stubber = stub("ssm")
    instances = [f"i-{number:017x}" for number in range(60)]
    for chunk in (instances[:50], instances[50:]):
        stubber.add_response(
            "send_command",
            {"Command": {"CommandId": RUN}},
            {
                "DocumentName": "AWS-RefreshAssociation",
                "InstanceIds": chunk,
                "Parameters": {"associationIds": [ID]},
                "Comment": "Sanso: run the association again",
            },
        )

    SSMGateway(client).start_association_on(ID, instances)


def test_an_instance_without_a_running_agent_is_not_found(stub: Stub) -> None:
    client, stubber = stub("ssm")
    stubber.add_client_error("send_command", "InvalidInstanceId", "Instances [[i-1]] not in a valid state")
    with pytest.raises(AwsNotFound, match="not in a valid state"):
        SSMGateway(client).start_association_on(ID, ["i-1"])


def test_the_output_of_a_run_is_the_newest_folder_that_is_not_newer_than_the_run() -> None:
    aws = FakeAws()
    folder = f"logs/web/i-1/{ID}/"
    at = START.replace(hour=9, minute=30)
    for stamp in ("T06-00-00.100Z", "T09-10-00.100Z", "T09-29-58.100Z", "T09-40-00.100Z"):
        for name in ("stdout", "stderr"):
            aws.stored["bucket", f"{folder}{at:%Y-%m-%d}{stamp}/awsrunShellScript/step/{name}"] = b"text"
    target = ExecutionTarget(
        association_id=ID,
        execution_id=RUN,
        instance_id="i-1",
        status="Failed",
        detailed_status="Failed",
        at=at,
        output_bucket="bucket",
        output_key=folder,
    )

    found = [stored.key.removeprefix(folder) for stored in outputs_of(aws, target)]

    run = f"{at:%Y-%m-%d}T09-29-58.100Z/awsrunShellScript/step"
    assert found == [f"{run}/stderr", f"{run}/stdout"]
