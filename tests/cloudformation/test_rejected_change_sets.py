"""The nested stack and the file that the reason of a rejected change set refers to."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.cloudformation.rejected_change_sets import NestedStack, logical_path, rejected_stack

STACK = "AWS::CloudFormation::Stack"


def nested(file: str, **parameters: str) -> dict[str, Any]:
    url = f"https://bucket.s3.amazonaws.com/p/{file}"
    return {"Type": STACK, "Properties": {"TemplateURL": url, "Parameters": parameters}}


def template(parameters: dict[str, Any] | None = None, **resources: Any) -> dict[str, Any]:
    return {"Parameters": parameters or {}, "Resources": resources}


SET = {
    "root.yaml": template(
        {"Size": {"Type": "Number"}}, Network=nested("network.yaml", Cidr="1"), Lost=nested("lost.yaml")
    ),
    "network.yaml": template({"Cidr": {"Type": "String"}}, Inner=nested("inner.yaml", Extra="x")),
    "inner.yaml": template({"Side": {"Type": "String"}, "Depth": {"Type": "Number", "Default": 1}}),
}


@pytest.mark.parametrize(
    ("reason", "stack"),
    [
        ("Parameters: [Side] must have values", NestedStack("Network/Inner", "inner.yaml")),
        (
            "Parameters: [Extra] do not exist in the template",
            NestedStack("Network/Inner", "inner.yaml"),
        ),
        ("S3 error: The specified key does not exist.", NestedStack("Lost", "lost.yaml")),
        ("Parameters: [Size] must have values", None),  # the root stack's own parameter
        ("Something new", None),
    ],
)
def test_the_stack_that_a_reason_is_about(reason: str, stack: NestedStack | None) -> None:
    assert rejected_stack(SET, "root.yaml", {}, reason) == stack


def test_a_reason_that_fits_two_stacks_names_neither() -> None:
    twice = {
        "root.yaml": template(A=nested("a.yaml"), B=nested("b.yaml")),
        "a.yaml": template({"Side": {"Type": "String"}}),
        "b.yaml": template({"Side": {"Type": "String"}}),
    }
    assert rejected_stack(twice, "root.yaml", {}, "Parameters: [Side] must have values") is None


def test_the_names_of_nested_stacks_make_the_path() -> None:
    names = ("sanso-shop", "sanso-shop-Network-1AB2CD", "sanso-shop-Network-1AB2CD-Inner-X9")
    assert logical_path(names) == "Network/Inner"
