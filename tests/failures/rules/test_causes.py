"""The catalogue of causes: AWS's reasons are recognized, and each cause has a text and is documented."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.common.texts import cause_advice, cause_title
from deployments.failures.rules.catalogue import CATALOGUE, by_code, recognize
from deployments.failures.rules.cause import Cause

ROOT = Path(__file__).parents[3]


def test_the_catalogue_has_at_least_25_causes_with_unique_codes() -> None:
    assert len(CATALOGUE) >= 25
    assert len({cause.code for cause in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("cause", CATALOGUE, ids=lambda cause: cause.code)
def test_a_reason_as_aws_writes_it_is_recognized(cause: Cause) -> None:
    known = recognize(cause.types[0] if cause.types else "AWS::EC2::VPC", cause.example)

    assert known is not None
    assert known.cause is cause
    text = cause_title(cause.code, known.values) + cause_advice(cause.code, known.values)
    assert "%(" not in text
    assert known.cause.steps


@pytest.mark.parametrize(
    ("type_", "reason", "code", "expected"),
    [
        ("AWS::IAM::Role", "API: iam:CreateRole User: arn:aws:iam::1:user/x is not authorized to perform: "
         "iam:CreateRole on resource: arn:aws:iam::1:role/y", "Denied", "iam:CreateRole"),
        ("AWS::EC2::Instance", "API: ec2:RunInstances You are not authorized to perform this operation.",
         "Denied", "ec2:RunInstances"),
        ("AWS::EC2::VPC", "User: arn:aws:sts::1:assumed-role/cfn/AWSCloudFormation is not authorized to "
         "perform: iam:PassRole on resource: arn:aws:iam::1:role/y with an explicit deny in a permissions "
         "boundary",
         "DeniedExplicitly", "permissions boundary"),
        ("Custom::InitDB", "Received response status [FAILED] from custom resource. Message returned: "
         "no such table (RequestId: 8c)", "CustomResourceFailed", "no such table"),
        ("AWS::RDS::DBCluster", "Cannot find version 8.0.mysql_aurora.3.01.0 for aurora-mysql",
         "EngineVersion", "version"),
        ("AWS::AutoScaling::AutoScalingGroup", "Group did not stabilize. Failed Scaling Activity: The "
         "image id '[ami-1]' does not exist. Launching EC2 instance failed.", "ImageGone", "AMI"),
    ],
    ids=["denied-iam", "denied-ec2", "denied-explicitly", "custom", "engine", "image-in-activity"],
)  # fmt: skip
def test_the_text_contains_the_values_in_the_reason(
    type_: str, reason: str, code: str, expected: str
) -> None:
    known = recognize(type_, reason)

    assert known is not None
    assert known.cause.code == code
    assert expected in cause_title(code, known.values) + cause_advice(code, known.values)


@pytest.mark.parametrize(
    "reason", ["", "Resource creation Initiated", "Unfathomable sentence of a new service."]
)
def test_an_unknown_reason_is_not_recognized(reason: str) -> None:
    assert recognize("AWS::EC2::VPC", reason) is None


@given(
    st.text(max_size=300), st.sampled_from(["AWS::RDS::DBCluster", "Custom::X", "", "AWS::SSM::Association"])
)
def test_any_reason_can_be_looked_up(reason: str, type_: str) -> None:
    known = recognize(type_, reason)
    assert known is None or cause_title(known.cause.code, known.values)


@given(st.sampled_from(CATALOGUE), st.text(max_size=80), st.text(max_size=80))
def test_a_signature_is_found_inside_a_longer_reason(cause: Cause, before: str, after: str) -> None:
    type_ = cause.types[0] if cause.types else "AWS::EC2::VPC"
    known = recognize(type_, f"{before}\n{cause.example}\n{after}")
    assert known is not None


def test_every_cause_is_documented() -> None:
    text = (ROOT / "docs/causes.md").read_text()
    assert [cause.code for cause in CATALOGUE if f"`{cause.code}`" not in text] == []


def test_a_cause_is_found_by_its_code() -> None:
    assert by_code("QuotaVpcs") is not None
    assert by_code("Nothing") is None
