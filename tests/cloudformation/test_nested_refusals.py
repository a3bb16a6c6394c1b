"""Change set errors that concern only nested change sets, whose parameters are not known yet."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.cloudformation.nested_templates import TemplateSide, TemplateStack, stacks_of
from deployments.cloudformation.rejected_change_sets import is_of_nesting

URL = "https://bucket.s3.amazonaws.com/prefix/"
STACK = "AWS::CloudFormation::Stack"


def nested(file: str, **parameters: Any) -> dict[str, Any]:
    return {"Type": STACK, "Properties": {"TemplateURL": URL + file, "Parameters": parameters}}


@pytest.fixture
def stacks() -> dict[str, TemplateStack]:
    """A root stack with two nested stacks: Network, and Service with a known `Name` and outputs of Network.

    Of the parameters from outputs, `Subnet` is declared in Service's template, and `Other` is not.
    """
    service = {"Parameters": {"Subnet": {"Type": "String"}, "Name": {"Type": "String"}}, "Resources": {}}
    root = {
        "Parameters": {"Name": {"Type": "String"}},
        "Resources": {
            "Network": nested("network.yaml", Name={"Ref": "Name"}),
            "Service": nested(
                "service.yaml",
                Subnet={"Fn::GetAtt": ["Network", "Outputs.Subnet"]},
                Name={"Ref": "Name"},
                Other={"Fn::GetAtt": ["Network", "Outputs.Other"]},
            ),
        },
    }
    network = {"Parameters": {"Name": {"Type": "String"}}, "Resources": {}}
    templates = {"root.yaml": root, "network.yaml": network, "service.yaml": service}
    return stacks_of(TemplateSide(templates=templates, root="root.yaml", values={"Name": "shop"}))


@pytest.mark.parametrize(
    ("reason", "path", "expected"),
    [
        ("Parameter 'Subnet' must match pattern subnet-.+", "Service", True),
        ("Parameter 'Subnet' must be the id of a subnet", "", True),
        ("Each value of parameter 'Subnet' must match pattern subnet-.+", "Service", True),
        ("Unable to fetch parameters [{{IntrinsicFunction:s/Network.Outputs.A/Fn::GetAtt}}]", "", True),
        ("Usage of {{IntrinsicFunction:s/Network.Outputs.A/Fn::GetAtt}} is not allowed", "", True),
        ("Template error: Fn::Select  cannot select nonexistent value at index 1", "Service", True),
        ("Template error: Fn::Select  cannot select nonexistent value at index 1", "Network", False),
        ("Parameter 'Name' must match pattern [0-9]+", "Service", False),
        ("Parameter 'Subnet' must match pattern subnet-.+", "Network", False),
        ("Parameters: [Subnet] must have values", "Service", False),
        ("Parameters: [Other] do not exist in the template", "Service", False),
        ("Parameter 'Other' must match pattern a", "Service", False),
        ("Template format error: Unresolved resource dependencies [Vpc] in the Resources block", "", False),
        ("S3 error: The specified key does not exist.", "Service", False),
        ("", "", False),
    ],
)
def test_reasons_that_only_apply_to_nested_change_sets(
    stacks: dict[str, TemplateStack], reason: str, path: str, *, expected: bool
) -> None:
    assert is_of_nesting(reason, path, stacks) is expected


def test_without_templates_only_a_placeholder_tells() -> None:
    assert is_of_nesting("Usage of {{IntrinsicFunction:a}} is not allowed", "Service", {})
    assert not is_of_nesting("Parameter 'Subnet' must match pattern a", "Service", {})
