"""Change sets of updates with nested stacks: causes, values before and after, replacements that AWS reports.

Sources: API_ResourceChange, API_ResourceChangeDetail and API_ResourceTargetDefinition in CloudFormation's API
reference; https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/759 and
.../issues/2113 for replacements that are reported and do not happen.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox_tests.engine.conftest import Account
from sandbox_tests.engine.test_change_sets import changes, done, execute, make

LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
NETWORK = """
    Parameters:
      Name: {Type: String}
    Resources:
      Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name}}
    Outputs:
      Topic: {Value: !Ref Topic}
      Fixed: {Value: fixed}
"""
SERVICE = """
    Parameters:
      Queue: {Type: String}
      Size: {Type: String}
    Resources:
      Named: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${Queue}-queue"}}
      Note:
        Type: AWS::SSM::Parameter
        Properties: {Type: String, Value: !Ref Size, Tags: {queue: !GetAtt Named.QueueName, fixed: "1"}}
"""


def root(url: str) -> str:
    return f"""
        Parameters:
          Name: {{Type: String, Default: one}}
          Size: {{Type: String, Default: "2"}}
        Resources:
          Network:
            Type: AWS::CloudFormation::Stack
            Properties: {{TemplateURL: {url}/network.yaml, Parameters: {{Name: !Ref Name}}}}
          Service:
            Type: AWS::CloudFormation::Stack
            Properties:
              TemplateURL: {url}/service.yaml
              Parameters: {{Queue: !GetAtt Network.Outputs.Fixed, Size: !Ref Size}}
    """


def parameters(**given: str) -> list[dict[str, str]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]


def causes(change: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Reduce the details of a change to (evaluation, source, entity)."""
    return [
        (one["Evaluation"], one.get("ChangeSource", ""), one.get("CausingEntity", ""))
        for one in change["Details"]
    ]


@pytest.fixture
def stack(account: Account, template_url: str) -> str:
    account.publish(network=NETWORK, service=SERVICE)
    return account.create("root", root(template_url))


def test_a_parameter_is_followed_into_the_nested_stack_and_to_its_value(
    account: Account, template_url: str, stack: str
) -> None:
    review = make(
        account, stack, root(template_url), IncludeNestedStacks=True, Parameters=parameters(Size="3")
    )
    assert set(changes(review)) == {"Service"}
    service = changes(review)["Service"]
    assert service["Replacement"] == "False"
    assert causes(service) == [
        ("Dynamic", "DirectModification", ""),
        ("Static", "ParameterReference", "Size"),
        ("Dynamic", "Automatic", ""),
    ]
    target = service["Details"][0]["Target"]
    assert target == {
        "Attribute": "Properties",
        "Name": "Parameters",
        "RequiresRecreation": "Never",
        "Path": "/Properties/Parameters/Size",
        "BeforeValue": "2",
        "AfterValue": "3",
        "AttributeChangeType": "Modify",
    }
    child = done(account, service["ChangeSetId"])
    assert set(changes(child)) == {"Note"}
    note = changes(child)["Note"]
    assert (note["Details"][0]["Target"]["BeforeValue"], note["Details"][0]["Target"]["AfterValue"]) == (
        "2",
        "3",
    )
    assert note["PhysicalResourceId"]


def test_outputs_of_a_nested_stack_that_changes_are_unknown_and_replacements_are_reported_that_do_not_happen(
    account: Account, template_url: str, stack: str
) -> None:
    review = make(
        account, stack, root(template_url), IncludeNestedStacks=True, Parameters=parameters(Name="two")
    )
    assert set(changes(review)) == {"Network", "Service"}
    assert ("Dynamic", "ResourceAttribute", "Network.Outputs.Fixed") in causes(changes(review)["Service"])
    child = done(account, changes(review)["Service"]["ChangeSetId"])
    given = {one["ParameterKey"]: one["ParameterValue"] for one in child["Parameters"]}
    assert given["Queue"] == "{{IntrinsicFunction:root/Network.Outputs.Fixed/Fn::GetAtt}}"
    named, note = changes(child)["Named"], changes(child)["Note"]
    assert (named["Replacement"], named["PolicyAction"]) == ("True", "ReplaceAndDelete")
    target = named["Details"][0]["Target"]
    assert (target["RequiresRecreation"], target["BeforeValue"]) == ("Always", "fixed-queue")
    assert target["AfterValue"] == f"{LATER}-queue"
    assert causes(note) == [("Static", "ResourceAttribute", "Named.QueueName")]
    assert note["Details"][0]["Target"]["Path"] == "/Properties/Tags/queue"

    queues = account.queue_names()
    assert execute(account, review) == "UPDATE_COMPLETE"
    assert account.queue_names() == queues  # it was not replaced


def test_a_value_of_a_no_echo_parameter_is_never_shown(account: Account) -> None:
    template = """
        Parameters:
          Secret: {Type: String, NoEcho: true, Default: hunter-one}
        Conditions:
          Given: !Not [!Equals [!Ref Secret, ""]]
        Resources:
          Note:
            Type: AWS::SSM::Parameter
            Properties: {Type: String, Value: !If [Given, !Sub "is ${Secret}", none]}
    """
    stack = account.create("secret", template)
    review = make(account, stack, template, Parameters=parameters(Secret="hunter-two"))
    note = changes(review)["Note"]
    assert "hunter" not in json.dumps(review, default=str)
    assert causes(note)[1] == ("Static", "ParameterReference", "Secret")
    assert json.loads(note["AfterContext"])["Properties"]["Value"] == "is ****"
    kept = make(
        account,
        stack,
        template,
        name="kept",
        Parameters=[{"ParameterKey": "Secret", "UsePreviousValue": True}],
    )
    assert (kept["Status"], kept["StatusReason"].partition(".")[0]) == (
        "FAILED",
        "The submitted information didn't contain changes",
    )
    account.fail(**{"update:Note": "no"})
    two = {"Parameters": parameters(Secret="hunter-two")}
    assert account.update(stack, template, DisableRollback=True, **two) == "UPDATE_FAILED"
    account.heal()
    again = make(account, stack, template, name="again", **two)
    assert changes(again)["Note"]["Action"] == "Modify"
    assert "hunter" not in json.dumps(again, default=str)


def test_another_choice_of_a_condition_is_a_change_although_the_text_is_the_same(account: Account) -> None:
    template = """
        Parameters:
          Large: {Type: String, Default: "no"}
        Conditions:
          IsLarge: !Equals [!Ref Large, "yes"]
        Resources:
          Note:
            Type: AWS::SSM::Parameter
            Properties: {Type: String, Value: !If [IsLarge, much, little]}
          More: {Type: AWS::SQS::Queue, Condition: IsLarge}
    """
    stack = account.create("chosen", template)
    review = make(account, stack, template, Parameters=parameters(Large="yes"))
    target = changes(review)["Note"]["Details"][0]["Target"]
    assert (target["BeforeValue"], target["AfterValue"]) == ("little", "much")
    assert changes(review)["More"]["Action"] == "Add"


def test_a_resource_that_needs_replacement_by_its_published_schema_is_reported_with_its_policy(
    account: Account,
) -> None:
    template = """
        Resources:
          Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.%s.0.0/16}}
          Group:
            Type: AWS::EC2::SecurityGroup
            UpdateReplacePolicy: Retain
            Properties: {GroupDescription: for a test, VpcId: !Ref Vpc}
          Template:
            Type: AWS::EC2::LaunchTemplate
            Properties: {LaunchTemplateData: {InstanceType: %s, SecurityGroupIds: [!Ref Group]}}
          Note:
            Type: AWS::SSM::Parameter
            Properties: {Type: String, Value: !GetAtt Template.LatestVersionNumber}
    """
    stack = account.create("replaced", template % ("1", "t4g.micro"))
    changed = changes(make(account, stack, template % ("2", "t4g.micro")))
    assert {name: one["Replacement"] for name, one in changed.items()} == {
        "Vpc": "True",
        "Group": "True",
        "Template": "False",
        "Note": "False",
    }
    assert (changed["Vpc"]["PolicyAction"], changed["Group"]["PolicyAction"]) == (
        "ReplaceAndDelete",
        "ReplaceAndRetain",
    )
    assert causes(changed["Group"]) == [("Static", "ResourceReference", "Vpc")]
    assert causes(changed["Note"]) == [("Dynamic", "ResourceAttribute", "Template.LatestVersionNumber")]
    template_only = changes(make(account, stack, template % ("1", "t4g.small"), name="other"))
    assert [one["Target"]["Path"] for one in template_only["Template"]["Details"]] == [
        "/Properties/LaunchTemplateData/InstanceType"
    ]
    assert set(template_only) == {"Template", "Note"}


def test_a_template_at_another_address_is_a_change_of_its_stack_although_it_is_the_same(
    account: Account, template_url: str, stack: str
) -> None:
    account.publish(**{"other/network": NETWORK})
    moved = root(template_url).replace("/network.yaml", "/other/network.yaml")
    review = make(account, stack, moved, IncludeNestedStacks=True)
    network = changes(review)["Network"]
    assert causes(network) == [("Static", "DirectModification", ""), ("Dynamic", "Automatic", "")]
    assert network["Details"][0]["Target"]["Name"] == "TemplateURL"
    assert "ChangeSetId" not in network  # nothing in it changes
    assert changes(done(account, changes(review)["Service"]["ChangeSetId"]))["Named"]["Replacement"] == "True"
