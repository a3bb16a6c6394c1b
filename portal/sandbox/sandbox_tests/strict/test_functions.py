"""Functions: runtimes and limits, network interfaces that remain, and networks without internet access."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import Network, made
from sandbox_tests.strict.reasons import creation_failure, failures, worded

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    ],
}
MANAGED = "arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"
ANSWER = """
import cfnresponse

def handler(event, context):
    length = int(event["ResourceProperties"]["Length"])
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Text": "x" * length})
"""
CALL = """
import boto3

def handler(event, context):
    return boto3.client("ssm").get_parameter(Name="/greeting")["Parameter"]["Value"]
"""


def _function(code: str = CALL, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": code},
            **properties,
        },
    }


def _template(**resources: dict[str, Any]) -> str:
    reads = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": TRUST,
            "ManagedPolicyArns": [MANAGED],
            "Policies": [
                {"PolicyName": "read", "PolicyDocument": {"Version": "2012-10-17", "Statement": [reads]}}
            ],
        },
    }
    return json.dumps({"Resources": {"Role": role, **resources}, "Outputs": {}})


def test_a_function_of_a_blocked_runtime_is_not_created(account: Account) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""
    reason = creation_failure(account, _template(Function=_function(Runtime="python2.7")), "Function")
    assert reason.text.startswith("The runtime parameter of python2.7 is no longer supported")
    assert (reason.service, reason.code) == ("Lambda", "InvalidRequest")


def test_a_runtime_that_never_was_is_not_created(account: Account) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""
    reason = creation_failure(account, _template(Function=_function(Runtime="python9.9")), "Function")
    assert "Value python9.9 at 'runtime' failed to satisfy constraint" in reason.text


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({"Environment": {"Variables": {"LONG": "x" * 4096}}}, "exceeded the 4KB limit"),
        ({"Timeout": 901}, "less than or equal to 900"),
        ({"MemorySize": 64}, "greater than or equal to 128"),
    ],
    ids=["environment", "timeout", "memory"],
)
def test_a_function_beyond_lambdas_limits_is_not_created(
    account: Account, properties: dict[str, Any], text: str
) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    reason = creation_failure(account, _template(Function=_function(**properties)), "Function")
    assert text in reason.text
    assert (reason.service, reason.code) == ("Lambda", "InvalidRequest")


def test_a_response_of_a_custom_resource_has_4096_bytes(account: Account) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html"""

    def template(length: int) -> str:
        made_by = {
            "Type": "Custom::Long",
            "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "Length": length},
        }
        return _template(Function=_function(ANSWER, Timeout=30), Custom=made_by)

    made(account, "short", template(3000))
    stack = account.create("long", template(4096), Capabilities=["CAPABILITY_IAM"])
    assert failures(account, stack, "Custom") == ["Response object is too long."]


def test_a_custom_resource_keeps_its_service_token(account: Account) -> None:
    """https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/802"""

    def template(function: str) -> str:
        given = {"ServiceToken": {"Fn::GetAtt": [function, "Arn"]}, "Length": 1}
        functions = {name: _function(ANSWER, Timeout=30) for name in ("Function", "Other")}
        return _template(**functions, Custom={"Type": "Custom::Short", "Properties": given})

    stack = made(account, "token", template("Function"))
    assert (
        account.update(stack, template("Other"), Capabilities=["CAPABILITY_IAM"])
        == "UPDATE_ROLLBACK_COMPLETE"
    )
    assert failures(account, stack, "Custom", "UPDATE_FAILED") == ["Modifying service token is not allowed."]


def _in_network(network: Network) -> dict[str, Any]:
    return {
        "VpcConfig": {
            "SubnetIds": [network.subnet_a, network.subnet_c],
            "SecurityGroupIds": [network.group],
        }
    }


def _interfaces(account: Account) -> list[dict[str, Any]]:
    found = account.client("ec2").describe_network_interfaces(
        Filters=[{"Name": "interface-type", "Values": ["lambda"]}]
    )
    return list(found["NetworkInterfaces"])


def test_a_function_in_a_vpc_needs_a_role_that_creates_interfaces(account: Account, network: Network) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions"""
    template = json.loads(_template(Function=_function(**_in_network(network))))
    del template["Resources"]["Role"]["Properties"]["ManagedPolicyArns"]
    reason = creation_failure(account, json.dumps(template), "Function")
    assert reason.text == (
        "The provided execution role does not have permissions to call CreateNetworkInterface on EC2"
    )


def test_the_interfaces_of_a_function_keep_groups_and_subnets(account: Account, network: Network) -> None:
    """https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/392"""
    stack = made(account, "function", _template(Function=_function(**_in_network(network))))
    assert {one["SubnetId"] for one in _interfaces(account)} == {network.subnet_a, network.subnet_c}
    account.pace(1)  # 25 minutes are about two minutes
    account.cloudformation.delete_stack(StackName=stack)
    waiting = "Function DELETE_IN_PROGRESS CloudFormation is waiting for NetworkInterfaces associated with"
    wait_until(lambda: any(line.startswith(waiting) for line in account.story(stack)))
    ec2 = account.client("ec2")
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_security_group(GroupId=network.group)
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_subnet(SubnetId=network.subnet_a)
    account.pace(0)
    assert account.settled(stack) == "DELETE_COMPLETE"
    assert _interfaces(account) == []


def test_interfaces_whose_role_is_gone_first_stay_until_they_are_removed(
    account: Account, network: Network
) -> None:
    """https://github.com/aws/aws-cdk/issues/14456: the deletion of the network fails, and a retry works."""
    name = f"by-hand-{account.id}"
    iam = account.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_role_policy(RoleName=name, PolicyArn=MANAGED)
    role = f"arn:aws:iam::{account.id}:role/{name}"
    stack = made(account, "function", _template(Function=_function(Role=role, **_in_network(network))))
    iam.detach_role_policy(RoleName=name, PolicyArn=MANAGED)
    iam.delete_role(RoleName=name)
    assert account.delete(stack) == "DELETE_COMPLETE", account.story(stack)
    assert len(_interfaces(account)) == 2
    account.cloudformation.delete_stack(StackName=network.stack)
    assert account.settled(network.stack) == "DELETE_FAILED"
    (reason,) = map(worded, failures(account, network.stack, "Group", "DELETE_FAILED"))
    assert reason.text == f"resource {network.group} has a dependent object"
    (subnet,) = map(worded, failures(account, network.stack, "SubnetA", "DELETE_FAILED"))
    assert "has dependencies and cannot be deleted" in subnet.text
    for interface in _interfaces(account):
        account.client("ec2").delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    assert account.delete(network.stack) == "DELETE_COMPLETE", account.story(network.stack)


def test_a_function_without_a_route_to_the_internet_waits_until_its_timeout(
    account: Account, network: Network
) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html"""
    account.client("ssm").put_parameter(Name="/greeting", Value="hello", Type="String")
    function = _function(FunctionName="inside", Timeout=5, **_in_network(network))
    made(account, "function", _template(Function=function))
    client = account.client("lambda")
    answer = client.invoke(FunctionName="inside", Payload=b"{}")
    assert "FunctionError" in answer
    assert "Task timed out after 5" in answer["Payload"].read().decode()
    _open(account, network)
    answer = client.invoke(FunctionName="inside", Payload=b"{}")
    assert json.loads(answer["Payload"].read()) == "hello"


def _open(account: Account, network: Network) -> None:
    """Give the network's subnets a default route through a NAT gateway, which is in a public subnet."""
    ec2 = account.client("ec2")
    public = ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.0.9.0/24")["Subnet"]["SubnetId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]["NatGatewayId"]

    def state() -> str:
        (found,) = ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
        return str(found["State"])

    wait_until(lambda: state() == "available", what="the NAT gateway")
    (outer,) = ec2.describe_route_tables(
        Filters=[{"Name": "association.subnet-id", "Values": [network.subnet_a]}]
    )["RouteTables"]
    inner = ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=inner, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    for association in outer["Associations"]:
        ec2.replace_route_table_association(
            AssociationId=association["RouteTableAssociationId"], RouteTableId=inner
        )
    ec2.associate_route_table(RouteTableId=outer["RouteTableId"], SubnetId=public)
