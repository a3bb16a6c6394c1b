"""Nested change sets are validated with placeholders for unknown values, and fail with a reason.

Sources: https://github.com/aws-cloudformation/cfn-language-discussion/issues/152 (NC1),
https://github.com/aws-cloudformation/rain/issues/526 (NC3),
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/759 (NC4), the user guide's
cloudformation-supplied-parameter-types.html (NC6) and change-sets-for-nested-stacks.html (NC7). NC2 is known
from a public reproduction only.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.engine.test_change_sets import changes, done, make

UNKNOWN = "{{IntrinsicFunction:root/Network.Outputs.Value/Fn::GetAtt}}"
NETWORK = """
    Resources:
      Topic: {Type: AWS::SNS::Topic}
    Outputs:
      Value: {Value: !GetAtt Topic.TopicName}
"""
SERVICE = """
    Parameters:
      Given: %s
    Resources:
      Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: %s}}
"""


def root(url: str, given: str = "!GetAtt Network.Outputs.Value") -> str:
    return f"""
        Resources:
          Network: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {url}/network.yaml}}}}
          Service:
            Type: AWS::CloudFormation::Stack
            Properties: {{TemplateURL: {url}/service.yaml, Parameters: {{Given: {given}}}}}
    """


def created(account: Account, url: str, declared: str, value: str = "!Ref Given") -> list[dict[str, Any]]:
    """Create a change set with a nested stack whose parameter is declared like this; return both of them."""
    account.publish(network=NETWORK, service=SERVICE % (declared, value))
    review = make(account, "root", root(url), ChangeSetType="CREATE", IncludeNestedStacks=True)
    stacks = account.cloudformation.describe_stacks()["Stacks"]
    nested = [
        done(account, summary["ChangeSetId"])
        for stack in stacks
        if "-Service-" in stack["StackName"]
        for summary in account.cloudformation.list_change_sets(StackName=stack["StackName"])["Summaries"]
    ]
    return [review, *nested]


def test_an_output_that_is_not_known_is_a_literal_placeholder(account: Account, template_url: str) -> None:
    review, service = created(account, template_url, "{Type: String}")
    assert review["Status"] == "CREATE_COMPLETE"
    assert service["Parameters"] == [{"ParameterKey": "Given", "ParameterValue": UNKNOWN}]
    assert "KNOWN_AFTER_APPLY" in changes(service)["Note"]["AfterContext"]


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        pytest.param(
            '{Type: String, AllowedPattern: "[a-z]+"}', r"must match pattern \[a-z\]\+", id="pattern"
        ),
        pytest.param("{Type: Number}", "is not a valid Number", id="number"),
        pytest.param(
            "{Type: AWS::SSM::Parameter::Value<String>}",
            r"Unable to fetch parameters \[\{\{IntrinsicFunction:.*\}\}\] from parameter store",
            id="parameter store",
        ),
    ],
)
def test_a_parameter_that_takes_no_placeholder_fails_its_change_set_and_the_roots(
    account: Account, template_url: str, declared: str, reason: str
) -> None:
    review, service = created(account, template_url, declared)
    assert (service["Status"], service["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert re.search(reason, service["StatusReason"])
    assert review["Status"] == "FAILED"
    assert review["StatusReason"] == (
        f"Nested change set {service['ChangeSetId']} was not successfully created: Currently in FAILED."
    )
    with pytest.raises(ClientError, match=r"current status of \[FAILED\]"):
        account.cloudformation.execute_change_set(ChangeSetName=review["ChangeSetId"])


def test_a_part_of_a_list_that_is_not_known_fails_the_change_set(account: Account, template_url: str) -> None:
    review, service = created(account, template_url, "{Type: CommaDelimitedList}", "!Select [1, !Ref Given]")
    assert service["StatusReason"] == (
        "Template error: Fn::Select  cannot select nonexistent value at index 1"
    )
    account.delete(review["StackId"])
    account.publish(network=NETWORK, service=SERVICE % ("{Type: String}", "!Ref Given"))
    given = '!Select [1, !Split ["-", !GetAtt Network.Outputs.Value]]'
    review = make(
        account, "root", root(template_url, given), ChangeSetType="CREATE", IncludeNestedStacks=True
    )
    assert review["Status"] == "FAILED"


def test_an_id_that_does_not_exist_is_refused(account: Account) -> None:
    template = """
        Parameters:
          Group: {Type: AWS::EC2::SecurityGroup::Id}
          Subnets: {Type: "List<AWS::EC2::Subnet::Id>"}
        Resources:
          Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Group}}
    """
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]

    def given(group: str, subnets: str) -> list[dict[str, str]]:
        return [
            {"ParameterKey": "Group", "ParameterValue": group},
            {"ParameterKey": "Subnets", "ParameterValue": subnets},
        ]

    for name, values in (("Group", ("sg-0123", subnet)), ("Subnets", (group, f"{subnet},subnet-0123"))):
        with pytest.raises(ClientError, match=f"for parameter name {name} does not exist"):
            account.start("typed", template, Parameters=given(*values))
    assert account.status(account.create("typed", template, Parameters=given(group, subnet))) == (
        "CREATE_COMPLETE"
    )


def test_placeholders_match_every_pattern_by_the_other_reading(account: Account, template_url: str) -> None:
    readings = {"patterns_match_placeholders": False}
    account.sandbox.control("POST", "readings", readings, account=account.id)
    review, _service = created(account, template_url, '{Type: String, AllowedPattern: "[a-z]+"}')
    assert review["Status"] == "CREATE_COMPLETE"
