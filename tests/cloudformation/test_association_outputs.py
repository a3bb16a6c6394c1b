"""The S3 locations of associations' outputs are read from the templates, as far as they are known."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.cloudformation.nested_templates import TemplateSide
from deployments.cloudformation.server_associations import output_places

BUCKET = {"Ref": "Bucket"}


def places(prefix: Any, bucket: Any = BUCKET) -> set[tuple[str, str]]:
    location = {"OutputS3BucketName": bucket, "OutputS3KeyPrefix": prefix}
    nested = {
        "Parameters": {"Bucket": {}, "Folder": {}},
        "Resources": {
            "Configure": {
                "Type": "AWS::SSM::Association",
                "Properties": {"OutputLocation": {"S3Location": location}},
            },
            "Other": {"Type": "AWS::SNS::Topic"},
        },
    }
    root = {
        "Parameters": {"Bucket": {}},
        "Resources": {
            "Servers": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {
                    "TemplateURL": {"Fn::Sub": "https://${Bucket}.s3.amazonaws.com/x/servers.yaml"},
                    "Parameters": {"Bucket": {"Ref": "Bucket"}, "Folder": "out"},
                },
            }
        },
    }
    templates = {"root.yaml": root, "servers.yaml": nested}
    return output_places(TemplateSide(templates=templates, root="root.yaml", values={"Bucket": "files"}))


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("logs", "logs/"),
        ("/logs/app/", "logs/app/"),
        ({"Fn::Sub": "${Folder}/app"}, "out/app/"),
    ],
)
def test_a_place_in_a_nested_stack_follows_its_parameters(prefix: Any, found: str) -> None:
    assert places(prefix) == {("files", found)}


@pytest.mark.parametrize("prefix", ["", "/", None, {"Fn::Sub": "${AWS::StackName}/app"}, ["x"]])
def test_an_unknown_prefix_or_a_whole_bucket_is_left_out(prefix: Any) -> None:
    assert places(prefix) == set()
    assert places("logs", bucket={"Fn::ImportValue": "x"}) == set()
