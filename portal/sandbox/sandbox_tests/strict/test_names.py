"""Names already in use make the stack fail; their resources are unchanged after the rollback."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.resources.conftest import gone, made
from sandbox_tests.strict.reasons import creation_failure, failures, worded

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    ],
}


def _template(kind: str, **properties: Any) -> str:
    return json.dumps({"Resources": {"Named": {"Type": kind, "Properties": properties}}})


def _role(account: Account) -> str:
    iam = account.client("iam")
    found = iam.create_role(
        RoleName="by-hand", Description="made by hand", AssumeRolePolicyDocument=json.dumps(TRUST)
    )
    return str(found["Role"]["RoleId"])


def test_a_role_made_by_hand_is_not_taken_over(account: Account) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html (EntityAlreadyExists)"""
    role = _role(account)
    template = _template("AWS::IAM::Role", RoleName="by-hand", AssumeRolePolicyDocument=TRUST)
    reason = creation_failure(account, template, "Named")
    assert reason.text == "Role with name by-hand already exists."
    assert (reason.service, reason.status, reason.code) == ("Iam", 409, "AlreadyExists")
    kept = account.client("iam").get_role(RoleName="by-hand")["Role"]
    assert (kept["RoleId"], kept["Description"]) == (role, "made by hand")


def test_an_instance_profile_made_by_hand_is_not_taken_over(account: Account) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html"""
    iam = account.client("iam")
    made_by_hand = iam.create_instance_profile(InstanceProfileName="by-hand")["InstanceProfile"]
    template = _template("AWS::IAM::InstanceProfile", InstanceProfileName="by-hand", Roles=[])
    reason = creation_failure(account, template, "Named")
    assert (reason.text, reason.code) == ("Instance Profile by-hand already exists.", "AlreadyExists")
    kept = iam.get_instance_profile(InstanceProfileName="by-hand")["InstanceProfile"]
    assert kept["InstanceProfileId"] == made_by_hand["InstanceProfileId"]


def test_a_log_group_made_by_hand_is_not_taken_over(account: Account) -> None:
    """https://github.com/serverless/serverless/issues/3168"""
    logs = account.client("logs")
    logs.create_log_group(logGroupName="/by/hand")
    logs.put_retention_policy(logGroupName="/by/hand", retentionInDays=3)
    template = _template("AWS::Logs::LogGroup", LogGroupName="/by/hand", RetentionInDays=30)
    reason = creation_failure(account, template, "Named")
    assert reason.text == (
        "Resource of type 'AWS::Logs::LogGroup' with identifier "
        '\'{"/properties/LogGroupName":"/by/hand"}\' already exists.'
    )
    assert (reason.service, reason.code) == ("", "AlreadyExists")
    (kept,) = logs.describe_log_groups(logGroupNamePrefix="/by/hand")["logGroups"]
    assert kept["retentionInDays"] == 3


def test_a_parameter_made_by_hand_is_not_taken_over(account: Account) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html"""
    account.client("ssm").put_parameter(Name="/by/hand", Value="mine", Type="String")
    template = _template("AWS::SSM::Parameter", Name="/by/hand", Value="theirs", Type="String")
    reason = creation_failure(account, template, "Named")
    assert reason.text.startswith("The parameter already exists.")
    assert (reason.service, reason.code) == ("Ssm", "AlreadyExists")
    assert account.parameter("/by/hand") == "mine"


def test_a_live_secret_is_not_taken_over(account: Account) -> None:
    """https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html"""
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name="by-hand", SecretString="mine")
    reason = creation_failure(
        account, _template("AWS::SecretsManager::Secret", Name="by-hand", SecretString="theirs"), "Named"
    )
    assert reason.text == "The operation failed because the secret by-hand already exists."
    assert (reason.service, reason.code) == ("SecretsManager", "AlreadyExists")
    assert secrets.get_secret_value(SecretId="by-hand")["SecretString"] == "mine"


def test_a_secret_scheduled_for_deletion_still_has_its_name(account: Account) -> None:
    """https://github.com/redpanda-data/console/issues/1835"""
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name="by-hand", SecretString="mine")
    secrets.delete_secret(SecretId="by-hand", RecoveryWindowInDays=7)
    reason = creation_failure(
        account, _template("AWS::SecretsManager::Secret", Name="by-hand", SecretString="theirs"), "Named"
    )
    assert "already scheduled for deletion" in reason.text
    assert reason.code == "InvalidRequest"
    secrets.restore_secret(SecretId="by-hand")
    assert secrets.get_secret_value(SecretId="by-hand")["SecretString"] == "mine"


def test_a_bucket_of_another_account_has_its_name(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html (BucketAlreadyExists)"""
    name = f"taken-{account.id}"
    owner = Account(account.sandbox, str(int(account.id) + 1_000_000))
    owner.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    template = _template("AWS::S3::Bucket", BucketName=name)
    stack = account.create("taken", template, DisableValidation=True)  # early validation names no resource
    (reason,) = map(worded, failures(account, stack, "Named"))
    assert (reason.text, reason.code) == (f"{name} already exists", "AlreadyExists")
    assert name in [bucket["Name"] for bucket in owner.client("s3").list_buckets()["Buckets"]]


def test_a_function_made_by_hand_is_not_taken_over(account: Account) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html (ResourceConflictException)"""
    code = "def handler(event, context): return 1"
    template = {
        "FunctionName": "by-hand",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": f"arn:aws:iam::{account.id}:role/by-hand",
        "Code": {"ZipFile": code},
    }
    _role(account)
    owner = made(account, "owner", _template("AWS::Lambda::Function", **template))
    before = account.client("lambda").get_function(FunctionName="by-hand")["Configuration"]
    reason = creation_failure(account, _template("AWS::Lambda::Function", **template), "Named")
    assert reason.text == "Function already exist: by-hand"
    assert (reason.service, reason.status, reason.code) == ("Lambda", 409, "AlreadyExists")
    after = account.client("lambda").get_function(FunctionName="by-hand")["Configuration"]
    assert after["RevisionId"] == before["RevisionId"]
    gone(account, owner)


@pytest.mark.parametrize(
    ("kind", "name_property", "by_hand", "text"),
    [
        (
            "AWS::RDS::DBSubnetGroup",
            "DBSubnetGroupName",
            lambda account, network: account.client("rds").create_db_subnet_group(
                DBSubnetGroupName="by-hand",
                DBSubnetGroupDescription="by hand",
                SubnetIds=[network.subnet_a, network.subnet_c],
            ),
            "already exists",
        ),
        (
            "AWS::RDS::DBClusterParameterGroup",
            "DBClusterParameterGroupName",
            lambda account, network: account.client("rds").create_db_cluster_parameter_group(
                DBClusterParameterGroupName="by-hand",
                DBParameterGroupFamily="aurora-mysql8.0",
                Description="by hand",
            ),
            "already exists",
        ),
        (
            "AWS::EC2::LaunchTemplate",
            "LaunchTemplateName",
            lambda account, network: account.client("ec2").create_launch_template(
                LaunchTemplateName="by-hand", LaunchTemplateData={"InstanceType": "t4g.micro"}
            ),
            "Launch template name already in use.",
        ),
    ],
    ids=["subnet group", "parameter group", "launch template"],
)
def test_other_names_are_not_taken_over(
    account: Account,
    network: Any,
    kind: str,
    name_property: str,
    by_hand: Callable[[Account, Any], object],
    text: str,
) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/, …/AWSEC2/latest/APIReference/ (errors)"""
    by_hand(account, network)
    properties: dict[str, dict[str, Any]] = {
        "AWS::RDS::DBSubnetGroup": {
            "DBSubnetGroupDescription": "theirs",
            "SubnetIds": [network.subnet_a, network.subnet_c],
        },
        "AWS::RDS::DBClusterParameterGroup": {
            "Family": "aurora-mysql8.0",
            "Description": "theirs",
            "Parameters": {"require_secure_transport": "ON"},
        },
        "AWS::EC2::LaunchTemplate": {"LaunchTemplateData": {"InstanceType": "t4g.large"}},
    }
    reason = creation_failure(
        account, _template(kind, **{name_property: "by-hand"}, **properties[kind]), "Named"
    )
    assert text in reason.text
    assert reason.code == "AlreadyExists"
    assert reason.service in ("Rds", "Ec2")


def test_a_stack_of_the_same_name_does_not_take_over_what_an_earlier_one_kept(account: Account) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html (unique ids)"""
    template = json.dumps(
        {
            "Resources": {
                "Group": {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain"},
                "Role": {
                    "Type": "AWS::IAM::Role",
                    "DeletionPolicy": "Retain",
                    "Properties": {"AssumeRolePolicyDocument": TRUST},
                },
            }
        }
    )
    first = made(account, "twice", template)
    gone(account, first)
    gone(account, made(account, "twice", template))
    logs, iam = account.client("logs"), account.client("iam")
    assert len(logs.describe_log_groups()["logGroups"]) == 2
    assert len([role for role in iam.list_roles()["Roles"] if role["RoleName"].startswith("twice")]) == 2
