"""Associations: their targets, the status of their runs, and CloudFormation's wait for success."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.engine.conftest import REGION, Account
from tests.sandbox.resources.conftest import Network, changed, failure, gone, made
from tests.services import wait_until

SHELL = """
Parameters:
  Bucket: {Type: String}
  Server: {Type: String, Default: App}
  Command: {Type: String, Default: echo one}
  Wait: {Type: Number, Default: 600}
Conditions:
  Waits: !Not [!Equals [!Ref Wait, 0]]
Resources:
  Configure:
    Type: AWS::SSM::Association
    Properties:
      AssociationName: configure-servers
      Name: AWS-RunShellScript
      Parameters: {commands: [!Ref Command, "echo two"]}
      Targets:
        - {Key: tag:Server, Values: [!Ref Server]}
        - {Key: tag:Stage, Values: [test, production]}
      OutputLocation:
        S3Location: {OutputS3BucketName: !Ref Bucket, OutputS3KeyPrefix: logs/app}
      WaitForSuccessTimeoutSeconds: !If [Waits, !Ref Wait, !Ref AWS::NoValue]
Outputs:
  Id: {Value: !Ref Configure}
  Same: {Value: !GetAtt Configure.AssociationId}
"""
DOCUMENT = """
Parameters:
  Text: {Type: String, Default: first}
  Bucket: {Type: String}
Resources:
  Document:
    Type: AWS::SSM::Document
    Properties:
      DocumentType: Command
      DocumentFormat: YAML
      UpdateMethod: NewVersion
      Content:
        schemaVersion: "2.2"
        description: !Ref Text
        parameters:
          variables: {type: String, default: none}
        mainSteps:
          - action: aws:downloadContent
            name: download
            inputs:
              sourceType: S3
              sourceInfo: !Sub '{"path": "https://${Bucket}.s3.${AWS::Region}.amazonaws.com/playbook.zip"}'
          - action: aws:runShellScript
            name: configure
            inputs: {runCommand: ["ansible-playbook -e '{{ variables }}' playbook.yml"]}
  Apply:
    Type: AWS::SSM::Association
    Properties:
      Name: !Ref Document
      Parameters: {variables: [DB_NAME=datelog]}
      Targets: [{Key: tag:Server, Values: [App]}]
      WaitForSuccessTimeoutSeconds: 600
Outputs:
  Document: {Value: !Ref Document}
  Id: {Value: !Ref Apply}
"""


class Manager:
    """State Manager in an account with a few managed instances."""

    def __init__(self, account: Account, network: Network) -> None:
        self.account = account
        self.network = network
        self.ssm = account.client("ssm")
        self.bucket = f"logs-{account.id}"
        account.client("s3").create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )

    def launch(self, **tags: str) -> str:
        profile = self.account.client("iam").list_instance_profiles()["InstanceProfiles"][0]
        answer = self.account.client("ec2").run_instances(
            ImageId="ami-0123456789abcdef0",
            MinCount=1,
            MaxCount=1,
            SubnetId=self.network.subnet_a,
            IamInstanceProfile={"Arn": profile["Arn"]},
            TagSpecifications=[
                {
                    "ResourceType": "instance",
                    "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
                }
            ],
        )
        return str(answer["Instances"][0]["InstanceId"])

    def describe(self, association: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ssm.describe_association(AssociationId=association)[
            "AssociationDescription"
        ]
        return found

    def status(self, association: str) -> str:
        return str(self.describe(association)["Overview"]["Status"])

    def executions(self, association: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ssm.describe_association_executions(AssociationId=association)[
            "AssociationExecutions"
        ]
        return found

    def reached(self, association: str, execution: str) -> dict[str, str]:
        answer = self.ssm.describe_association_execution_targets(
            AssociationId=association, ExecutionId=execution
        )
        return {one["ResourceId"]: one["Status"] for one in answer["AssociationExecutionTargets"]}

    def fail(self, name: str, how: bool | int | list[str] | None) -> None:
        self.account.sandbox.control("POST", "faults", {"associations": {name: how}}, account=self.account.id)

    def written(self) -> list[str]:
        listed = self.account.client("s3").list_objects_v2(Bucket=self.bucket)
        return [one["Key"] for one in listed.get("Contents", [])]


@pytest.fixture
def manager(account: Account, network: Network) -> Manager:
    """State Manager in an account with a network and a bucket for logs."""
    return Manager(account, network)


def test_an_association_runs_where_all_its_targets_match_and_tells_how_it_went(manager: Manager) -> None:
    matching = {manager.launch(Server="App", Stage="test"), manager.launch(Server="App", Stage="production")}
    manager.launch(Server="App", Stage="staging")
    manager.launch(Server="Web", Stage="test")
    outputs = manager.account.outputs(made(manager.account, "shell", SHELL, Bucket=manager.bucket))
    assert outputs["Id"] == outputs["Same"]
    described = manager.describe(outputs["Id"])
    assert described["AssociationName"] == "configure-servers"
    assert described["Overview"] == {
        "Status": "Success",
        "DetailedStatus": "Success",
        "AssociationStatusAggregatedCount": {"Success": 2},
    }
    assert described["Parameters"] == {"commands": ["echo one", "echo two"]}
    assert described["LastSuccessfulExecutionDate"]
    (execution,) = manager.executions(outputs["Id"])
    assert (execution["Status"], execution["ResourceCountByStatus"]) == ("Success", "{Success=2}")
    assert manager.reached(outputs["Id"], execution["ExecutionId"]) == dict.fromkeys(matching, "Success")
    (listed,) = manager.ssm.list_associations(
        AssociationFilterList=[{"key": "AssociationName", "value": "configure-servers"}]
    )["Associations"]
    assert listed["AssociationId"] == outputs["Id"]
    assert listed["Overview"]["Status"] == "Success"


def test_output_is_written_where_the_agent_writes_it(manager: Manager) -> None:
    instance = manager.launch(Server="App", Stage="test")
    association = manager.account.outputs(made(manager.account, "shell", SHELL, Bucket=manager.bucket))["Id"]
    (key,) = manager.written()
    time = r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}\.\d{3}Z"
    step = r"awsrunShellScript/0\.awsrunShellScript/stdout"
    assert re.fullmatch(rf"logs/app/{instance}/{association}/{time}/{step}", key)
    text = manager.account.client("s3").get_object(Bucket=manager.bucket, Key=key)["Body"].read().decode()
    assert "Simulated" in text
    assert "$ echo one\n$ echo two\n" in text
    (status,) = manager.ssm.describe_instance_associations_status(InstanceId=instance)[
        "InstanceAssociationStatusInfos"
    ]
    assert status["OutputUrl"]["S3OutputUrl"]["OutputUrl"].endswith(key)
    assert status["ExecutionSummary"].startswith("1 out of 1 plugin processed, 1 success, 0 failed")


def test_a_stack_waits_until_every_instance_has_succeeded(manager: Manager) -> None:
    manager.launch(Server="App", Stage="test")
    manager.account.pace(0.2)
    stack = manager.account.start(
        "shell", SHELL, Parameters=[{"ParameterKey": "Bucket", "ParameterValue": manager.bucket}]
    )

    def pending() -> bool:
        found = manager.ssm.list_associations()["Associations"]
        return bool(found) and found[0]["Overview"]["DetailedStatus"] == "InProgress"

    wait_until(pending, what="a run in progress")
    assert manager.ssm.list_associations()["Associations"][0]["Overview"]["Status"] == "Pending"
    assert manager.account.status(stack) == "CREATE_IN_PROGRESS"
    manager.account.reaches(stack, "CREATE_COMPLETE")


def test_one_failed_instance_fails_the_stack_in_awss_words(manager: Manager) -> None:
    good, bad = manager.launch(Server="App", Stage="test"), manager.launch(Server="App", Stage="test")
    manager.fail("configure-servers", [bad])
    stack = manager.account.create(
        "shell",
        SHELL,
        DisableRollback=True,
        Parameters=[{"ParameterKey": "Bucket", "ParameterValue": manager.bucket}],
    )
    reasons = [line for line in manager.account.story(stack, of="Configure") if "CREATE_FAILED" in line]
    (association,) = [one["AssociationId"] for one in manager.ssm.list_associations()["Associations"]]
    assert (
        f"Resource of type 'AWS::SSM::Association' with identifier '{association}' did not stabilize."
        in (reasons[0])
    )
    assert "NotStabilized" in reasons[0]
    overview = manager.describe(association)["Overview"]
    assert overview["Status"] == "Failed"
    assert overview["AssociationStatusAggregatedCount"] == {"Success": 1, "Failed": 1}
    (status,) = manager.ssm.describe_instance_associations_status(InstanceId=bad)[
        "InstanceAssociationStatusInfos"
    ]
    assert (status["Status"], status["ErrorCode"]) == ("Failed", "ExecutionError")
    assert "The operation aws:runShellScript failed because" in status["ExecutionSummary"]
    errors = [key for key in manager.written() if key.endswith("/stderr")]
    assert [f"/{bad}/" in key for key in errors] == [True]
    assert not any(f"/{good}/" in key for key in errors)

    manager.fail("configure-servers", None)
    manager.ssm.start_associations_once(AssociationIds=[association])
    wait_until(lambda: manager.status(association) == "Success", what="a second run")
    assert [one["Status"] for one in manager.executions(association)] == ["Success", "Failed"]


def test_an_association_that_fails_on_one_instance_fails_on_no_other_that_arrives_later(
    manager: Manager,
) -> None:
    manager.fail("configure-servers", 1)
    stack = made(manager.account, "shell", SHELL, Bucket=manager.bucket, Wait="0")
    association = manager.account.outputs(stack)["Id"]
    first = manager.launch(Server="App", Stage="test")
    wait_until(lambda: manager.status(association) == "Failed", what="a failure on the first instance")
    instances = [first]
    while min(instances) == first and len(instances) < 9:  # until a random id sorts before the first
        instances.append(manager.launch(Server="App", Stage="test"))

    def outcomes() -> dict[str, str]:
        latest, *_ = manager.executions(association)
        return manager.reached(association, latest["ExecutionId"])

    manager.ssm.start_associations_once(AssociationIds=[association])

    only_the_first = dict.fromkeys(instances, "Success") | {first: "Failed"}
    wait_until(lambda: outcomes() == only_the_first, what="a failure on the first instance alone")


def test_an_association_can_be_refreshed_on_one_instance_alone(manager: Manager) -> None:
    good, bad = manager.launch(Server="App", Stage="test"), manager.launch(Server="App", Stage="test")
    manager.fail("configure-servers", [bad])
    stack = made(manager.account, "shell", SHELL, Bucket=manager.bucket, Wait="0")
    association = manager.account.outputs(stack)["Id"]
    wait_until(lambda: manager.status(association) == "Failed", what="a run that failed on one instance")

    manager.fail("configure-servers", None)
    manager.ssm.send_command(
        DocumentName="AWS-RefreshAssociation",
        InstanceIds=[bad],
        Parameters={"associationIds": [association]},
    )
    wait_until(lambda: manager.status(association) == "Success", what="success where it had failed")

    latest, earliest = manager.executions(association)
    assert set(manager.reached(association, latest["ExecutionId"])) == {bad}
    assert set(manager.reached(association, earliest["ExecutionId"])) == {good, bad}


def test_without_an_instance_the_association_is_pending_until_one_arrives(manager: Manager) -> None:
    stack = made(manager.account, "shell", SHELL, Bucket=manager.bucket, Wait="0")
    association = manager.account.outputs(stack)["Id"]
    assert manager.status(association) == "Pending"
    assert manager.executions(association) == []
    first = manager.launch(Server="App", Stage="test")
    wait_until(lambda: manager.status(association) == "Success", what="a run on the first instance")
    second = manager.launch(Server="App", Stage="production")
    wait_until(lambda: len(manager.executions(association)) == 2, what="a run on the second instance")
    wait_until(lambda: manager.status(association) == "Success", what="success on both")
    latest, earliest = manager.executions(association)
    assert set(manager.reached(association, latest["ExecutionId"])) == {second}
    assert set(manager.reached(association, earliest["ExecutionId"])) == {first}


def test_a_changed_association_is_a_new_version_and_runs_again(manager: Manager) -> None:
    manager.launch(Server="App", Stage="test")
    stack = made(manager.account, "shell", SHELL, Bucket=manager.bucket)
    association = manager.account.outputs(stack)["Id"]
    changed(manager.account, stack, SHELL, Bucket=manager.bucket, Command="echo changed")
    assert manager.account.outputs(stack)["Id"] == association
    described = manager.describe(association)
    assert described["AssociationVersion"] == "2"
    assert described["Parameters"]["commands"][0] == "echo changed"
    versions = manager.ssm.list_association_versions(AssociationId=association)["AssociationVersions"]
    assert [(one["AssociationVersion"], one["Parameters"]["commands"][0]) for one in versions] == [
        ("2", "echo changed"),
        ("1", "echo one"),
    ]
    assert [one["AssociationVersion"] for one in manager.executions(association)] == ["2", "1"]


def test_an_instance_tells_which_associations_are_meant_for_it(manager: Manager) -> None:
    instance = manager.launch(Server="App", Stage="test")
    other = manager.launch(Server="Web", Stage="test")
    association = manager.account.outputs(made(manager.account, "shell", SHELL, Bucket=manager.bucket))["Id"]
    effective = manager.ssm.describe_effective_instance_associations(InstanceId=instance)["Associations"]
    assert [one["AssociationId"] for one in effective] == [association]
    assert manager.ssm.describe_effective_instance_associations(InstanceId=other)["Associations"] == []


def test_the_api_makes_changes_and_deletes_associations_itself(manager: Manager) -> None:
    manager.launch(Server="App", Stage="test")
    made_one = manager.ssm.create_association(
        Name="AWS-RunShellScript",
        AssociationName="by-hand",
        Parameters={"commands": ["true"]},
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
    )["AssociationDescription"]
    association = made_one["AssociationId"]
    wait_until(lambda: manager.status(association) == "Success", what="the run")
    updated = manager.ssm.update_association(
        AssociationId=association, AssociationName="renamed", Parameters={"commands": ["false"]}
    )["AssociationDescription"]
    assert (updated["AssociationVersion"], updated["AssociationName"]) == ("2", "renamed")
    manager.ssm.delete_association(AssociationId=association)
    with pytest.raises(ClientError, match="AssociationDoesNotExist"):
        manager.describe(association)
    with pytest.raises(ClientError, match="InvalidDocument"):
        manager.ssm.create_association(Name="Nobody-HasThis", Targets=[])


def test_an_own_document_runs_its_steps_and_gets_new_versions(manager: Manager) -> None:
    manager.account.client("s3").put_object(Bucket=manager.bucket, Key="playbook.zip", Body=b"")
    instance = manager.launch(Server="App", Stage="test")
    stack = made(manager.account, "document", DOCUMENT, Bucket=manager.bucket)
    outputs = manager.account.outputs(stack)
    (status,) = manager.ssm.describe_instance_associations_status(InstanceId=instance)[
        "InstanceAssociationStatusInfos"
    ]
    assert status["ExecutionSummary"].startswith("2 out of 2 plugins processed, 2 success")
    changed(manager.account, stack, DOCUMENT, Text="second", Bucket=manager.bucket)
    assert manager.account.outputs(stack) == outputs
    document = manager.ssm.describe_document(Name=outputs["Document"])["Document"]
    assert (document["LatestVersion"], document["DefaultVersion"]) == ("2", "2")
    assert document["Parameters"] == [{"Name": "variables", "Type": "String", "DefaultValue": "none"}]
    content = manager.ssm.get_document(Name=outputs["Document"], DocumentVersion="1")["Content"]
    assert "description: first" in content
    gone(manager.account, stack)
    with pytest.raises(ClientError, match="InvalidDocument"):
        manager.ssm.describe_document(Name=outputs["Document"])
    assert manager.ssm.list_associations()["Associations"] == []


def test_a_playbook_that_is_not_in_the_bucket_fails_the_association(manager: Manager) -> None:
    instance = manager.launch(Server="App", Stage="test")
    association = manager.ssm.create_association(
        Name="AWS-ApplyAnsiblePlaybooks",
        Parameters={
            "SourceType": ["S3"],
            "SourceInfo": [f'{{"path": "https://{manager.bucket}.s3.{REGION}.amazonaws.com/playbook.zip"}}'],
            "PlaybookFile": ["playbook.yml"],
        },
        Targets=[{"Key": "InstanceIds", "Values": [instance]}],
        OutputLocation={"S3Location": {"OutputS3BucketName": manager.bucket, "OutputS3KeyPrefix": "logs"}},
    )["AssociationDescription"]["AssociationId"]

    wait_until(lambda: manager.status(association) == "Failed", what="a failed association")
    (errors,) = [key for key in manager.written() if key.endswith("/stderr")]
    stored = manager.account.client("s3").get_object(Bucket=manager.bucket, Key=errors)["Body"].read()
    assert b"NoSuchKey" in stored


def test_awss_own_documents_can_be_read(manager: Manager) -> None:
    for name in ("AWS-RunShellScript", "AWS-ApplyAnsiblePlaybooks"):
        document = manager.ssm.describe_document(Name=name)["Document"]
        assert (document["Owner"], document["DocumentType"]) == ("Amazon", "Command")
    own = manager.ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"]
    assert own == []


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"commands": ["true"], "colour": ["blue"]}, "colour"),
        ({}, "commands is required"),
    ],
)
def test_parameters_are_compared_with_the_documents(
    manager: Manager, parameters: dict[str, list[str]], complaint: str
) -> None:
    with pytest.raises(ClientError, match=f"InvalidParameters.*{complaint}"):
        manager.ssm.create_association(Name="AWS-RunShellScript", Parameters=parameters, Targets=[])


def test_the_playbook_document_refuses_variables_with_colons_as_awss_does(manager: Manager) -> None:
    with pytest.raises(ClientError, match=r"InvalidParameters.*ExtraVariables"):
        manager.ssm.create_association(
            Name="AWS-ApplyAnsiblePlaybooks",
            Parameters={"ExtraVariables": ["SECRET=arn:aws:secretsmanager:..."]},
            Targets=[],
        )


def test_an_unknown_document_fails_the_stack(manager: Manager) -> None:
    broken = SHELL.replace("AWS-RunShellScript", "No-SuchDocument")
    reason = failure(manager.account, "shell", broken, "Configure", Bucket=manager.bucket)
    assert "Document with name No-SuchDocument does not exist." in reason
