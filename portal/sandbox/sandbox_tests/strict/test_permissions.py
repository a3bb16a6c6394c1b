"""Permissions: service roles, passed roles, service-linked roles, permissions boundaries, agents.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests import explained
from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import Network
from sandbox_tests.strict.reasons import failures, worded

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {
                "Service": ["cloudformation.amazonaws.com", "ec2.amazonaws.com", "lambda.amazonaws.com"]
            },
        }
    ],
}
NAMED = ["CAPABILITY_NAMED_IAM"]
FUNCTION = """
Parameters: {Role: {Type: String}}
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !Ref Role
      Code: {ZipFile: "def handler(event, context): pass"}
"""
BALANCER = """
Parameters: {A: {Type: String}, C: {Type: String}}
Resources:
  Alb:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Subnets: [!Ref A, !Ref C]}
"""
BOUNDED = """
Parameters: {Boundary: {Type: String}}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: bounded
      PermissionsBoundary: !Ref Boundary
      AssumeRolePolicyDocument: TRUST
      Policies:
        - PolicyName: all
          PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}
""".replace("TRUST", json.dumps(TRUST))


def role(account: Account, name: str, *statements: dict[str, Any], boundary: str = "") -> str:
    """Create a role that CloudFormation, EC2 and Lambda may assume; return its ARN."""
    iam = account.client("iam")
    options = {"PermissionsBoundary": boundary} if boundary else {}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), **options)
    if statements:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    return str(made["Role"]["Arn"])


def allow(*actions: str, resource: str = "*", **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def given(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": name, "ParameterValue": text} for name, text in values.items()]


def denied(account: Account, stack: str, logical_id: str, resource_type: str) -> str:
    """Return the denied action in the reason of a resource's failure."""
    (reason,) = failures(account, stack, logical_id)
    assert worded(reason).code == "AccessDenied"
    action = re.search(r"is not authorized to perform: ([\w-]+:\w+)", reason)
    assert action, reason
    explained.check(resource_type, reason, action[1])
    return action[1]


def test_passing_a_role_to_a_service_has_to_be_allowed(account: Account) -> None:
    passed = role(account, "passed")
    one = role(account, "deployer", allow("lambda:*"), allow("iam:PassRole", resource=f"{passed}x"))
    stack = account.create("sanso-f", FUNCTION, RoleARN=one, Parameters=given(Role=passed))
    assert denied(account, stack, "Function", "AWS::Lambda::Function") == "iam:PassRole"

    to_ec2 = allow("iam:PassRole", resource=passed, StringEquals={"iam:PassedToService": "ec2.amazonaws.com"})
    two = role(account, "to-another-service", allow("lambda:*"), to_ec2)
    stack = account.create("sanso-g", FUNCTION, RoleARN=two, Parameters=given(Role=passed))
    assert denied(account, stack, "Function", "AWS::Lambda::Function") == "iam:PassRole"


def test_the_first_load_balancer_needs_a_service_linked_role(account: Account, network: Network) -> None:
    parameters = given(A=network.subnet_a, C=network.subnet_c)
    lacking = role(account, "lacking", allow("elasticloadbalancing:*", "ec2:Describe*"))
    stack = account.create("sanso-a", BALANCER, RoleARN=lacking, Parameters=parameters)
    assert denied(account, stack, "Alb", "AWS::ElasticLoadBalancingV2::LoadBalancer") == (
        "iam:CreateServiceLinkedRole"
    )

    able = role(account, "able", allow("elasticloadbalancing:*", "ec2:*", "iam:CreateServiceLinkedRole"))
    first = account.create("sanso-b", BALANCER, RoleARN=able, Parameters=parameters)
    second = account.create("sanso-c", BALANCER, RoleARN=lacking, Parameters=parameters)  # now it exists
    assert [account.status(one) for one in (first, second)] == ["CREATE_COMPLETE"] * 2


def test_a_wildcard_in_place_of_a_resource_type_allows_nothing(account: Account) -> None:
    reads = allow("logs:Describe*", "logs:Get*", "logs:List*")
    named = allow("logs:*", resource=f"arn:aws:logs:*:{account.id}:*:sanso-*")
    one = role(account, "by-name", reads, named)
    group = "Resources: {Group: {Type: AWS::Logs::LogGroup}}"
    stack = account.create("sanso-strict", group, RoleARN=one)
    assert denied(account, stack, "Group", "AWS::Logs::LogGroup") == "logs:CreateLogGroup"

    account.sandbox.control("POST", "readings", {"wildcard_types_match_nothing": False}, account=account.id)
    assert account.status(account.create("sanso-kinder", group, RoleARN=one)) == "CREATE_COMPLETE"


NESTED = """
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: PREFIX/child.yaml}
"""


def test_nested_change_sets_need_the_service_roles_permission(account: Account, template_url: str) -> None:
    account.publish(child="Resources: {Group: {Type: AWS::Logs::LogGroup}}")
    template = NESTED.replace("PREFIX", template_url)
    reads = allow("s3:GetObject", "cloudformation:Describe*", "cloudformation:Get*")
    one = role(account, "reader", reads)

    def status() -> dict[str, Any]:
        return dict(account.cloudformation.describe_change_set(StackName="sanso-n", ChangeSetName="sanso-c"))

    def preview() -> dict[str, Any]:
        account.cloudformation.create_change_set(
            StackName="sanso-n",
            ChangeSetName="sanso-c",
            ChangeSetType="CREATE",
            TemplateBody=template,
            IncludeNestedStacks=True,
            RoleARN=one,
        )
        wait_until(lambda: not status()["Status"].endswith("_IN_PROGRESS"))
        return status()

    failed = preview()
    assert failed["Status"] == "FAILED"
    nested = re.search(r"arn:\S+", failed["StatusReason"])
    assert nested
    child = account.cloudformation.describe_change_set(ChangeSetName=nested[0])
    assert "not authorized to perform: cloudformation:CreateChangeSet" in child["StatusReason"]

    account.sandbox.control(
        "POST", "readings", {"nested_change_sets_use_the_service_role": False}, account=account.id
    )
    account.cloudformation.delete_stack(StackName="sanso-n")
    assert preview()["Status"] == "CREATE_COMPLETE"


def test_a_nested_stack_is_passed_the_role_of_its_root(account: Account, template_url: str) -> None:
    account.publish(child="Resources: {Group: {Type: AWS::Logs::LogGroup}}")
    template = NESTED.replace("PREFIX", template_url)
    stacks = allow("s3:GetObject", "cloudformation:*", "logs:*")
    lacking = role(account, "lacking", stacks)
    stack = account.create("sanso-lacking", template, RoleARN=lacking)
    (reason,) = failures(account, stack, "Child")
    assert f"iam:PassRole on resource: {lacking} because no identity-based policy allows" in reason
    explained.check("AWS::CloudFormation::Stack", reason, "iam:PassRole")

    itself, service = f"arn:aws:iam::{account.id}:role/able", "cloudformation.amazonaws.com"
    passing = allow("iam:PassRole", resource=itself, StringEquals={"iam:PassedToService": service})
    able = role(account, "able", stacks, passing)
    stack = account.create("sanso-able", template, RoleARN=able)
    assert account.status(stack) == "CREATE_COMPLETE", failures(account, stack, "Child")
    changed = template + "  Other: {Type: AWS::Logs::LogGroup}\n"
    account.update(stack, changed, RoleARN=lacking)
    assert "iam:PassRole" in "".join(failures(account, stack, "Child", "UPDATE_FAILED"))

    kinder = {"nested_stacks_are_passed_the_service_role": False}
    account.sandbox.control("POST", "readings", kinder, account=account.id)
    assert account.status(account.create("sanso-kinder", template, RoleARN=lacking)) == "CREATE_COMPLETE"


def test_a_nested_stack_of_a_stack_without_a_role_is_passed_none(account: Account, template_url: str) -> None:
    account.publish(child="Resources: {Group: {Type: AWS::Logs::LogGroup}}")
    stack = account.create("sanso-own", NESTED.replace("PREFIX", template_url))
    assert account.status(stack) == "CREATE_COMPLETE"


def test_a_trust_that_requires_the_source_account_may_not_work(account: Account) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "cloudformation.amazonaws.com"},
                "Condition": {"StringEquals": {"aws:SourceAccount": account.id}},
            }
        ],
    }
    iam = account.client("iam")
    one = iam.create_role(RoleName="source", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="source",
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow("*")]}),
    )
    group = "Resources: {Group: {Type: AWS::Logs::LogGroup}}"
    with pytest.raises(ClientError, match="is invalid or cannot be assumed"):
        account.cloudformation.create_stack(StackName="sanso-s", TemplateBody=group, RoleARN=one)

    account.sandbox.control(
        "POST", "readings", {"roles_are_assumed_without_source_keys": False}, account=account.id
    )
    assert account.status(account.create("sanso-s", group, RoleARN=one)) == "CREATE_COMPLETE"
    account.sandbox.control(
        "POST", "readings", {"roles_are_assumed_without_source_keys": True}, account=account.id
    )
    if_exists = json.dumps(trust).replace('"StringEquals"', '"StringEqualsIfExists"')
    iam.update_assume_role_policy(RoleName="source", PolicyDocument=if_exists)
    assert account.status(account.create("sanso-t", group, RoleARN=one)) == "CREATE_COMPLETE"


def test_a_property_that_triggers_an_action_demands_it(account: Account) -> None:
    writes = allow("logs:Create*", "logs:Put*", "logs:Delete*", "logs:Tag*", "logs:UntagResource")
    one = role(account, "logs", writes, allow("logs:Describe*", "logs:Get*", "logs:List*"))
    template = "Resources: {Group: {Type: AWS::Logs::LogGroup, Properties: {KmsKeyId: KEY}}}"
    key = template.replace("KEY", f"'arn:aws:kms:ap-northeast-1:{account.id}:key/1'")
    stack = account.create("sanso-plain", template.replace(", Properties: {KmsKeyId: KEY}", ""), RoleARN=one)
    assert account.status(stack) == "CREATE_COMPLETE", failures(account, stack, "Group")
    changed = account.create("sanso-key", key, RoleARN=one)
    assert account.status(changed) == "CREATE_COMPLETE"  # CreateLogGroup sets it
    account.cloudformation.update_stack(
        StackName="sanso-plain", TemplateBody=key, RoleARN=one, ClientRequestToken="k"
    )
    wait_until(lambda: not account.status(stack).endswith("_IN_PROGRESS"))
    assert any(
        "is not authorized to perform: logs:AssociateKmsKey" in reason
        for reason in failures(account, stack, "Group", "UPDATE_FAILED")
    )


def test_a_boundary_limits_what_the_policies_of_a_role_allow(account: Account) -> None:
    boundary = account.client("iam").create_policy(
        PolicyName="limit",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow("ssm:*")]}),
    )["Policy"]["Arn"]
    limited = role(account, "limited", allow("*"), boundary=boundary)
    queue = "Resources: {Queue: {Type: AWS::Logs::LogGroup}}"
    stack = account.create("sanso-q", queue, RoleARN=limited)
    (reason,) = failures(account, stack, "Queue")
    assert "because no permissions boundary allows the logs:CreateLogGroup action" in reason


def test_a_stack_puts_the_boundary_on_its_roles_if_its_own_role_may(account: Account) -> None:
    iam = account.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow("ssm:*")]})
    boundary = iam.create_policy(PolicyName="limit", PolicyDocument=document)["Policy"]["Arn"]
    with_boundary = allow("iam:CreateRole", StringEquals={"iam:PermissionsBoundary": boundary})
    others = allow("iam:Get*", "iam:List*", "iam:*RolePolicy", "iam:TagRole", "iam:UntagRole")
    deployer = role(account, "deployer", with_boundary, others, allow("iam:Delete*", "iam:Detach*"))

    without = BOUNDED.replace("      PermissionsBoundary: !Ref Boundary\n", "")
    stack = account.create(
        "sanso-without", without, RoleARN=deployer, Capabilities=NAMED, Parameters=given(Boundary=boundary)
    )
    assert denied(account, stack, "Role", "AWS::IAM::Role") == "iam:CreateRole"
    stack = account.create(
        "sanso-with", BOUNDED, RoleARN=deployer, Capabilities=NAMED, Parameters=given(Boundary=boundary)
    )
    assert account.status(stack) == "CREATE_COMPLETE"
    found = iam.get_role(RoleName="bounded")["Role"]["PermissionsBoundary"]
    assert found["PermissionsBoundaryArn"] == boundary

    (reason,) = failures(
        account,
        account.create(
            "sanso-gone",
            BOUNDED.replace("bounded", "other"),
            Capabilities=NAMED,
            Parameters=given(Boundary=f"{boundary}x"),
        ),
        "Role",
    )
    assert worded(reason).text == f"Scope ARN: {boundary}x does not exist or is not attachable."


DOCUMENT = {
    "schemaVersion": "2.2",
    "mainSteps": [
        {
            "action": "aws:downloadContent",
            "name": "fetch",
            "inputs": {
                "sourceType": "S3",
                "sourceInfo": '{"path": "https://BUCKET.s3.amazonaws.com/a/b.zip"}',
            },
        }
    ],
}
AGENT = (
    "ssm:UpdateInstanceInformation",
    "ssm:ListInstanceAssociations",
    "ssm:UpdateInstanceAssociationStatus",
)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ((), "ssm:GetDocument on resource: arn:aws:ssm:ap-northeast-1:"),
        (("ssm:GetDocument",), "s3:ListBucket on resource: arn:aws:s3:::"),
        (("ssm:GetDocument", "s3:ListBucket"), "s3:GetObject on resource: arn:aws:s3:::"),
        (("ssm:GetDocument", "s3:ListBucket", "s3:GetObject"), ""),
    ],
)
def test_an_association_acts_as_the_role_of_the_instance(
    account: Account, network: Network, allowed: tuple[str, ...], expected: str
) -> None:
    iam, ssm = account.client("iam"), account.client("ssm")
    role(account, "server", allow(*AGENT, *allowed, "s3:PutObject", "s3:PutObjectAcl"))
    iam.create_instance_profile(InstanceProfileName="server")
    iam.add_role_to_instance_profile(InstanceProfileName="server", RoleName="server")
    account.publish()
    s3 = account.client("s3")
    s3.put_object(Bucket=account.bucket, Key="a/b.zip", Body=b"zip")
    content = json.dumps(DOCUMENT).replace("BUCKET", account.bucket)
    ssm.create_document(Name="fetching", Content=content, DocumentType="Command")
    image = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    launched = account.client("ec2").run_instances(
        ImageId=image,
        InstanceType="t4g.micro",
        MinCount=1,
        MaxCount=1,
        SubnetId=network.subnet_a,
        IamInstanceProfile={"Name": "server"},
    )
    instance = launched["Instances"][0]["InstanceId"]
    made = ssm.create_association(
        Name="fetching",
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
        OutputLocation={"S3Location": {"OutputS3BucketName": account.bucket, "OutputS3KeyPrefix": "out"}},
    )["AssociationDescription"]["AssociationId"]

    def status() -> str:
        found = ssm.describe_association(AssociationId=made)["AssociationDescription"]
        return str(found["Overview"]["Status"])

    wait_until(lambda: status() in ("Success", "Failed"), what="the run of the association")
    assert status() == ("Failed" if expected else "Success")
    keys = [row["Key"] for row in s3.list_objects_v2(Bucket=account.bucket, Prefix="out").get("Contents", [])]
    written = [s3.get_object(Bucket=account.bucket, Key=key)["Body"].read().decode() for key in keys]
    (run,) = ssm.describe_instance_associations_status(InstanceId=instance)["InstanceAssociationStatusInfos"]
    assert expected in "\n".join([*written, run["ExecutionSummary"]])


def test_an_instance_that_may_not_register_never_runs_an_association(
    account: Account, network: Network
) -> None:
    iam, ssm = account.client("iam"), account.client("ssm")
    role(account, "mute", allow("ssm:ListInstanceAssociations", "ssm:GetDocument"))
    iam.create_instance_profile(InstanceProfileName="mute")
    iam.add_role_to_instance_profile(InstanceProfileName="mute", RoleName="mute")
    image = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    launched = account.client("ec2").run_instances(
        ImageId=image, InstanceType="t4g.micro", MinCount=1, MaxCount=1, IamInstanceProfile={"Name": "mute"}
    )
    instance = launched["Instances"][0]["InstanceId"]
    made = ssm.create_association(
        Name="AWS-RunShellScript",
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
        Parameters={"commands": ["true"]},
    )["AssociationDescription"]["AssociationId"]

    def refused() -> bool:
        reported: Any = account.sandbox.control("GET", "permissions", account=account.id)
        wanted = ("role/mute", "ssm:UpdateInstanceInformation", False)
        return wanted in {(one["principal"], one["action"], one["allowed"]) for one in reported["decisions"]}

    wait_until(refused, what="an attempt to register")
    ssm.start_associations_once(AssociationIds=[made])
    assert not ssm.describe_association_executions(AssociationId=made)["AssociationExecutions"]
    assert not ssm.describe_instance_information()["InstanceInformationList"]
    with pytest.raises(ssm.exceptions.InvalidInstanceId):
        ssm.send_command(
            InstanceIds=[instance],
            DocumentName="AWS-RunShellScript",
            Parameters={"commands": ["true"]},
        )
