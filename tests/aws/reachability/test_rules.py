"""A template's Rules are evaluated as in CloudFormation, except for values that are known only in AWS."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.parameters import Parameter
from deployments.cloudformation.template_rules import Assertion, Rule, violations

PARAMETERS = {
    p.name: p
    for p in (
        Parameter(name="Kind"),
        Parameter(name="Size"),
        Parameter(name="Zones", type="List<AWS::EC2::AvailabilityZone::Name>"),
        Parameter(name="Key", type="AWS::EC2::KeyPair::KeyName"),
        Parameter(name="OtherKey", type="AWS::EC2::KeyPair::KeyName"),
    )
}
VALUES = {"Kind": "production", "Size": "small", "Zones": "a, b", "Key": "k", "OtherKey": "k"}


def holds(check: Any, **values: str) -> bool:
    """Return whether an assertion is satisfied."""
    rule = Rule(name="R", assertions=(Assertion(check=check),))
    return not violations([rule], PARAMETERS, VALUES | values)


REF_SIZE, REF_ZONES = {"Ref": "Size"}, {"Ref": "Zones"}


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ({"Fn::Contains": [["large", "huge"], REF_SIZE]}, False),
        ({"Fn::Contains": [["large", "small"], REF_SIZE]}, True),
        ({"Fn::Contains": [REF_ZONES, "b"]}, True),
        ({"Fn::EachMemberIn": [REF_ZONES, ["a", "b", "c"]]}, True),
        ({"Fn::EachMemberIn": [REF_ZONES, ["a"]]}, False),
        ({"Fn::EachMemberEquals": [REF_ZONES, "a"]}, False),
        ({"Fn::EachMemberEquals": [{"Fn::RefAll": "AWS::EC2::KeyPair::KeyName"}, "k"]}, True),
        ({"Fn::EachMemberEquals": [{"Fn::RefAll": "AWS::EC2::KeyPair::KeyName"}, "x"]}, False),
        ({"Fn::Equals": [REF_SIZE, "small"]}, True),
        ({"Fn::Not": [{"Fn::Equals": [REF_SIZE, "small"]}]}, False),
        ({"Fn::And": [{"Fn::Equals": [REF_SIZE, "small"]}, {"Fn::Equals": [REF_SIZE, "x"]}]}, False),
        ({"Fn::Or": [{"Fn::Equals": [REF_SIZE, "small"]}, {"Fn::Equals": [REF_SIZE, "x"]}]}, True),
    ],
)
def test_every_function_of_rules_means_what_cloudformation_says(check: Any, expected: bool) -> None:
    assert holds(check) is expected


@pytest.mark.parametrize(
    "check",
    [
        {"Fn::Equals": [{"Fn::ValueOf": ["Vpc", "Tags.Department"]}, "IT"]},
        {"Fn::EachMemberEquals": [{"Fn::ValueOfAll": ["AWS::EC2::VPC::Id", "Tags.Department"]}, "IT"]},
        {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]},
        {"Fn::Equals": [{"Ref": "Nothing"}, "x"]},
        {"Fn::New": []},
        "nonsense",
    ],
)
def test_values_that_only_aws_can_check_are_not_rejected_here(check: Any) -> None:
    assert holds(check)
    assert holds({"Fn::Not": [check]})


def test_a_rule_applies_under_its_condition_and_names_the_parameters_that_it_reads() -> None:
    rule = Rule(
        name="ProductionIsLarge",
        condition={"Fn::Equals": [{"Ref": "Kind"}, "production"]},
        assertions=(
            Assertion(check={"Fn::Contains": [["large"], REF_SIZE]}, description="Production needs large."),
            Assertion(check={"Fn::Equals": [REF_SIZE, {"Ref": "Key"}]}),
        ),
    )

    found = violations([rule], PARAMETERS, VALUES)

    assert [(one.rule, one.description, one.parameters) for one in found] == [
        ("ProductionIsLarge", "Production needs large.", ("Size",)),
        ("ProductionIsLarge", "", ("Size", "Key")),
    ]
    assert not violations([rule], PARAMETERS, VALUES | {"Kind": "trial"})


NAMES = st.sampled_from(["a", "b", "c"])
TERMS = st.recursive(
    st.builds(lambda x, y: {"Fn::Equals": [x, y]}, NAMES | st.just({"Fn::ValueOf": ["V", "T"]}), NAMES),
    lambda inner: (
        st.builds(lambda one: {"Fn::Not": [one]}, inner)
        | st.builds(lambda some: {"Fn::And": some}, st.lists(inner, min_size=2, max_size=3))
        | st.builds(lambda some: {"Fn::Or": some}, st.lists(inner, min_size=2, max_size=3))
    ),
    max_leaves=8,
)


def known(term: Any, unknown: bool) -> bool:
    """Evaluate a term independently, with `unknown` as the result of comparisons with unknown values."""
    ((function, arguments),) = term.items()
    if function == "Fn::Equals":
        return unknown if isinstance(arguments[0], dict) else arguments[0] == arguments[1]
    inner = [known(one, unknown) for one in arguments]
    return {"Fn::Not": not inner[0], "Fn::And": all(inner), "Fn::Or": any(inner)}[function]


@given(TERMS)
def test_only_what_is_wrong_whatever_aws_knows_is_rejected(term: Any) -> None:
    if not holds(term):
        assert not known(term, unknown=True)
        assert not known(term, unknown=False)


@given(st.lists(NAMES, max_size=4), st.lists(NAMES, max_size=4), NAMES)
def test_lists_are_compared_member_by_member(some: list[str], others: list[str], one: str) -> None:
    given_list = ",".join(some)
    assert holds({"Fn::EachMemberIn": [REF_ZONES, others]}, Zones=given_list) == (set(some) <= set(others))
    assert holds({"Fn::EachMemberEquals": [REF_ZONES, one]}, Zones=given_list) == all(x == one for x in some)
    assert holds({"Fn::Contains": [REF_ZONES, one]}, Zones=given_list) == (one in some)
