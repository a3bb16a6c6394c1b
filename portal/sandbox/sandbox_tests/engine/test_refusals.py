"""Requests that CloudFormation rejects before it creates anything: capabilities, URLs, parameters."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import PREFIX, REGION, Account

QUEUE = """
    Resources:
      Queue: {Type: AWS::SQS::Queue}
    Outputs:
      Url: {Value: !Ref Queue}
"""


def test_iam_resources_want_a_capability(account: Account) -> None:
    role = """
        Resources:
          Role:
            Type: AWS::IAM::Role
            Properties:
              %s
              AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}
    """
    for name, given, missing in (
        ("", [], "CAPABILITY_IAM"),
        ("RoleName: mine", ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM"),
    ):
        with pytest.raises(ClientError) as refused:
            account.create("iam", role % name, Capabilities=given)
        assert refused.value.response["Error"]["Code"] == "InsufficientCapabilitiesException"
        assert refused.value.response["Error"]["Message"] == f"Requires capabilities : [{missing}]"
    assert account.cloudformation.list_stacks()["StackSummaries"] == []
    stack = account.create("iam", role % "RoleName: mine", Capabilities=["CAPABILITY_NAMED_IAM"])
    assert account.status(stack) == "CREATE_COMPLETE"


def test_a_macro_wants_auto_expand(account: Account) -> None:
    template = """
        Transform: AWS::LanguageExtensions
        Resources:
          Queue: {Type: AWS::SQS::Queue}
    """
    with pytest.raises(ClientError) as refused:
        account.create("macro", template)
    assert refused.value.response["Error"]["Message"] == "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"
    assert account.status(account.create("macro", template, Capabilities=["CAPABILITY_AUTO_EXPAND"])) == (
        "CREATE_COMPLETE"
    )


def test_a_nested_stack_wants_the_capabilities_of_its_root(account: Account, template_url: str) -> None:
    role = """
        Resources:
          Role:
            Type: AWS::IAM::Role
            Properties: {AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}}
    """
    template = f"""
        Resources:
          Nested: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {template_url}/role.yaml}}}}
    """
    account.publish(role=role)
    stack = account.create("without", template)
    assert account.story(stack, of="Nested")[1] == (
        "Nested CREATE_FAILED Requires capabilities : [CAPABILITY_IAM]"
    )
    assert account.status(account.create("with", template, Capabilities=["CAPABILITY_IAM"])) == (
        "CREATE_COMPLETE"
    )


@pytest.mark.parametrize(
    "url",
    [
        f"https://{{bucket}}.s3.{REGION}.amazonaws.com/{PREFIX}/queue.yaml",
        f"https://{{bucket}}.s3.amazonaws.com/{PREFIX}/queue.yaml",
        f"https://{{bucket}}.s3-{REGION}.amazonaws.com/{PREFIX}/queue.yaml",
        f"https://s3.{REGION}.amazonaws.com/{{bucket}}/{PREFIX}/queue.yaml",
        f"https://s3.amazonaws.com/{{bucket}}/{PREFIX}/queue.yaml",
    ],
)
def test_a_template_is_found_by_every_address_s3_has_for_it(account: Account, url: str) -> None:
    account.publish(queue=QUEUE)
    address = url.format(bucket=account.bucket)
    stack = account.cloudformation.create_stack(StackName="byurl", TemplateURL=address)["StackId"]
    assert account.settled(stack) == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            f"https://{{bucket}}.s3.{REGION}.amazonaws.com/none.yaml",
            "S3 error: The specified key does not exist.",
        ),
        (
            f"https://nowhere.s3.{REGION}.amazonaws.com/x.yaml",
            "S3 error: The specified bucket does not exist",
        ),
        ("https://example.com/x.yaml", "TemplateURL must be a supported URL."),
    ],
)
def test_a_template_that_is_not_there_is_refused_as_aws_does(
    account: Account, url: str, message: str
) -> None:
    account.publish(queue=QUEUE)
    with pytest.raises(ClientError) as refused:
        account.cloudformation.create_stack(StackName="byurl", TemplateURL=url.format(bucket=account.bucket))
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert refused.value.response["Error"]["Message"].startswith(message)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "Parameters: [Size, Zone] must have values"),
        ({"Size": "1", "Zone": "a", "Nope": "x"}, "Parameters: [Nope] do not exist in the template"),
        ({"Size": "1", "Zone": "c"}, "Parameter 'Zone' must be one of AllowedValues"),
        ({"Size": "x", "Zone": "a"}, "Parameter 'Size' must match pattern [0-9]+"),
    ],
)
def test_parameters_that_do_not_fit_the_template_are_refused(
    account: Account, parameters: dict[str, str], message: str
) -> None:
    template = """
        Parameters:
          Size: {Type: String, AllowedPattern: "[0-9]+"}
          Zone: {Type: String, AllowedValues: [a, b]}
        Resources:
          Queue: {Type: AWS::SQS::Queue}
    """
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    with pytest.raises(ClientError) as refused:
        account.create("parameters", template, Parameters=given)
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert refused.value.response["Error"]["Message"] == message
