"""Two environments in one account: no name conflicts, and associations configure only their own servers."""

from __future__ import annotations

import re

import pytest

from tests.infra.template_files import NAMES, of_type, properties, resources

NAMING = re.compile(r"(Name|Identifier)$")
# Properties that refer to an existing resource and do not name a new one.
MEANT = {
    "DBClusterIdentifier",
    "DBClusterParameterGroupName",
    "DBSubnetGroupName",
    "DatabaseName",
    "DatabaseUserSecretName",
    "LogGroupName",
    "MasterUsername",
    "MetricName",
    "ServiceName",
    "SnapshotIdentifier",
    "SourceDBClusterIdentifier",
    "SqlParameterName",
    "TableName",
    "UserName",
    "VPCZoneIdentifier",
}


@pytest.mark.parametrize("name", ["root", *NAMES])
def test_no_fixed_name_prevents_a_second_environment(name: str) -> None:
    for logical_id, resource in resources(name).items():
        for key, value in resource.get("Properties", {}).items():
            # the name of a document; the name of an inline policy, which is its role's
            elsewhere = (("AWS::SSM::Association", "Name"), ("AWS::IAM::Policy", "PolicyName"))
            if not NAMING.search(key) or key in MEANT or (resource["Type"], key) in elsewhere:
                continue
            own = ("AWS::StackId", "${EnvironmentName}", "{'Ref': 'DatabaseUserSecretName'}")
            assert any(part in str(value) for part in own), f"{logical_id}.{key}: {value}"


def test_the_name_of_the_secret_contains_the_id_of_the_stack() -> None:
    for stack in ("Iam", "Aurora"):
        text, values = properties("root", stack)["Parameters"]["DatabaseUserSecretName"]["Fn::Sub"]
        assert text == "${AWS::StackName}-database-user-${Uuid}"
        assert values == {"Uuid": {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}}


def test_an_association_configures_the_servers_of_its_own_environment_only() -> None:
    associations = of_type("AWS::SSM::Association")

    assert len(associations) == 3
    for name, logical_id in associations:
        targets = {target["Key"]: target["Values"] for target in properties(name, logical_id)["Targets"]}
        assert set(targets) == {"tag:Server", "tag:EnvironmentStack"}  # both must match
        assert targets["tag:EnvironmentStack"] == [{"Ref": "EnvironmentName"}]


@pytest.mark.parametrize(("name", "server"), [("web-servers", "ApacheWeb"), ("app-servers", "App")])
def test_the_servers_have_the_tags_of_the_associations_targets(name: str, server: str) -> None:
    specifications = properties(name, "LaunchTemplate")["LaunchTemplateData"]["TagSpecifications"]
    (tags,) = [s["Tags"] for s in specifications if s["ResourceType"] == "instance"]

    assert {"Key": "Server", "Value": server} in tags
    assert {"Key": "EnvironmentStack", "Value": {"Ref": "EnvironmentName"}} in tags


def test_every_nested_stack_gets_the_name_of_the_environment() -> None:
    for name, logical_id in of_type("AWS::CloudFormation::Stack"):
        assert properties(name, logical_id)["Parameters"]["EnvironmentName"] == {"Ref": "AWS::StackName"}
