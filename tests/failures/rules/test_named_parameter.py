"""Which template parameter a cause names."""

from __future__ import annotations

import pytest

from deployments.failures.rules.catalogue import recognize
from deployments.failures.rules.cause import named_parameter
from deployments.stacks.models.stacks import STACK_TYPE

DECLARED = ["Name", "DatabaseName", "EngineVersion", "VpcCidr", "InstanceType"]


@pytest.mark.parametrize(
    ("type_", "reason", "name"),
    [
        (STACK_TYPE, "Parameter 'DatabaseName' must match pattern [a-z][a-z0-9_]*", "DatabaseName"),
        (STACK_TYPE, "Parameters: [Gone, VpcCidr] must have values", "VpcCidr"),
        (STACK_TYPE, "Parameters: [Gone] must have values", ""),
        (
            "AWS::RDS::DBCluster",
            "Cannot find version 8.0.mysql_aurora.3.01.0 for aurora-mysql",
            "EngineVersion",
        ),
        ("AWS::EC2::VPC", "The maximum number of VPCs has been reached.", ""),
        (STACK_TYPE, "Strange new words", ""),
    ],
)
def test_a_cause_names_a_parameter_of_the_template(type_: str, reason: str, name: str) -> None:
    assert named_parameter(recognize(type_, reason), DECLARED) == name
