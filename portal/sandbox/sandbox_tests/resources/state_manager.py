"""State Manager in an account with a few managed instances, and templates with associations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox_tests.engine.conftest import REGION, Account

if TYPE_CHECKING:
    from sandbox_tests.resources.conftest import Network

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

    def launch(self, *, subnet: str = "", **tags: str) -> str:
        profile = self.account.client("iam").list_instance_profiles()["InstanceProfiles"][0]
        answer = self.account.client("ec2").run_instances(
            ImageId="ami-0123456789abcdef0",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet or self.network.subnet_a,
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
