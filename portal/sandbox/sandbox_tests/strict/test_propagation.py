"""Roles, instance profiles and policies that have just been created or changed."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.resources.conftest import Network, made

ROLE = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]},
        }
    ],
}
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
FUNCTION = """
Parameters: {Role: {Type: String}}
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !Ref Role
      Code: {ZipFile: "def handler(event, context): return 1"}
"""


def _role(account: Account, name: str) -> str:
    iam = account.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(ROLE))["Role"]
    return str(role["Arn"])


def _create_function(account: Account, role: str) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): return 1")
    account.client("lambda").create_function(
        FunctionName="new",
        Runtime="python3.13",
        Handler="index.handler",
        Role=role,
        Code={"ZipFile": package.getvalue()},
    )


def test_lambda_does_not_see_a_new_role(account: Account) -> None:
    """https://github.com/pulumi/pulumi-aws-native/issues/148"""
    account.pace(1000)  # AWS's ten seconds are minutes
    role = _role(account, f"new-{account.id}")
    with pytest.raises(ClientError, match=r"The role defined for the function cannot be assumed by Lambda\."):
        _create_function(account, role)
    account.pace(0)
    _create_function(account, role)


def test_a_function_needs_a_role_that_lambda_may_assume(account: Account) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html"""
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        _create_function(account, f"arn:aws:iam::{account.id}:role/missing")
    foreign = json.dumps(ROLE).replace("lambda.", "events.")
    iam = account.client("iam")
    role = iam.create_role(RoleName=f"other-{account.id}", AssumeRolePolicyDocument=foreign)["Role"]
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        _create_function(account, role["Arn"])


def test_cloudformation_waits_until_lambda_sees_a_new_role(account: Account) -> None:
    """https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract.html"""
    account.pace(1)
    made(account, "function", FUNCTION, Role=_role(account, f"new-{account.id}"))


def test_ec2_does_not_see_a_new_instance_profile(account: Account, network: Network) -> None:
    """https://github.com/hashicorp/terraform-provider-aws/issues/40088"""
    iam, ec2 = account.client("iam"), account.client("ec2")
    account.pace(1000)
    profile = iam.create_instance_profile(InstanceProfileName="new")["InstanceProfile"]["Arn"]
    image = account.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]

    def launch() -> None:
        ec2.run_instances(
            ImageId=image,
            InstanceType="t4g.micro",
            MinCount=1,
            MaxCount=1,
            SubnetId=network.subnet_a,
            IamInstanceProfile={"Arn": profile},
        )

    with pytest.raises(
        ClientError, match=r"iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"
    ):
        launch()
    account.pace(0)
    launch()


def _policy(action: str) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    )


def _as_role(account: Account, role: str) -> Any:
    """Return the SSM client of a session of a role."""
    keys = account.client("sts").assume_role(RoleArn=role, RoleSessionName="mine")["Credentials"]
    return boto3.client(
        "ssm",
        region_name=REGION,
        endpoint_url=account.client("ssm").meta.endpoint_url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def test_a_changed_policy_is_not_seen_at_once(account: Account) -> None:
    """The user guide: changes in IAM "may take some time to become visible everywhere"."""
    iam = account.client("iam")
    role = _role(account, "reader")
    iam.put_role_policy(RoleName="reader", PolicyName="own", PolicyDocument=_policy("ssm:*"))
    ssm = _as_role(account, role)
    ssm.describe_parameters()

    account.pace(1000)
    iam.put_role_policy(RoleName="reader", PolicyName="own", PolicyDocument=_policy("s3:*"))
    ssm.describe_parameters()
    account.pace(0)
    with pytest.raises(ClientError, match="is not authorized to perform: ssm:DescribeParameters"):
        ssm.describe_parameters()

    account.pace(1000)
    iam.put_role_policy(RoleName="reader", PolicyName="more", PolicyDocument=_policy("ssm:*"))
    with pytest.raises(ClientError, match="is not authorized to perform: ssm:DescribeParameters"):
        ssm.describe_parameters()
    account.pace(0)
    ssm.describe_parameters()


def test_a_new_version_of_a_policy_and_a_new_boundary_are_not_seen_at_once(account: Account) -> None:
    iam = account.client("iam")
    policy = iam.create_policy(PolicyName="shared", PolicyDocument=_policy("ssm:*"))["Policy"]["Arn"]
    boundary = iam.create_policy(PolicyName="limit", PolicyDocument=_policy("s3:*"))["Policy"]["Arn"]
    role = _role(account, "reader")
    iam.attach_role_policy(RoleName="reader", PolicyArn=policy)
    ssm = _as_role(account, role)

    account.pace(1000)
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=_policy("s3:*"), SetAsDefault=True)
    ssm.describe_parameters()
    account.pace(0)
    with pytest.raises(ClientError, match="no identity-based policy allows"):
        ssm.describe_parameters()
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=_policy("ssm:*"), SetAsDefault=True)

    account.pace(1000)
    iam.put_role_permissions_boundary(RoleName="reader", PermissionsBoundary=boundary)
    ssm.describe_parameters()
    account.pace(0)
    with pytest.raises(ClientError, match="no permissions boundary allows"):
        ssm.describe_parameters()


def test_a_role_that_is_created_again_has_none_of_its_earlier_policies(account: Account) -> None:
    iam = account.client("iam")
    role = _role(account, "reader")
    iam.put_role_policy(RoleName="reader", PolicyName="own", PolicyDocument=_policy("ssm:*"))
    account.pace(1000)
    iam.delete_role_policy(RoleName="reader", PolicyName="own")
    _as_role(account, role).describe_parameters()
    iam.delete_role(RoleName="reader")
    _role(account, "reader")
    with pytest.raises(ClientError, match="is not authorized to perform: ssm:DescribeParameters"):
        _as_role(account, role).describe_parameters()
