"""Values that CloudFormation would reject are rejected before the call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.parameters import Parameter, problem
from deployments.common.errors import Message
from deployments.common.message_codes import Code

LIST = "CommaDelimitedList"


@pytest.mark.parametrize(
    ("parameter", "good", "bad", "code"),
    [
        (Parameter(name="P"), "anything", "", Code.PARAMETER_REQUIRED),
        (Parameter(name="P", type="Number"), "2.5", "two", Code.PARAMETER_NO_NUMBER),
        (Parameter(name="P", type="Number", min_value=1, max_value=4), "4", "5", Code.PARAMETER_RANGE),
        (Parameter(name="P", allowed_values=("a", "b")), "a", "c", Code.PARAMETER_NOT_ONE_OF),
        (Parameter(name="P", allowed_pattern="[a-z]+"), "abc", "abc1", Code.PARAMETER_PATTERN),
        (
            Parameter(name="P", default="10.0.0.0/16"),
            "10.1.0.0/16",
            "300.1.2.3/16",
            Code.PARAMETER_NO_NETWORK,
        ),
        (Parameter(name="P", default="0.0.0.0/0"), "10.0.0.5/32", "10.0.0.5/16", Code.PARAMETER_HOST_BITS),
        (Parameter(name="P", min_length=2, max_length=3), "ab", "abcd", Code.PARAMETER_LENGTH),
        (
            Parameter(name="P", type="CommaDelimitedList", allowed_values=("a", "b")),
            "a, b",
            "a,c",
            Code.PARAMETER_NOT_ONE_OF,
        ),
        (Parameter(name="P", type="List<Number>"), "1,2", "1,x", Code.PARAMETER_NO_NUMBER),
    ],
)
def test_a_value_is_accepted_or_rejected_with_a_code(
    parameter: Parameter, good: str, bad: str, code: Code
) -> None:
    assert problem(parameter, good) is None
    found = problem(parameter, bad)
    assert found is not None
    assert found.code == code


def test_an_empty_value_is_accepted_where_the_template_allows_it() -> None:
    assert problem(Parameter(name="P", default=""), "") is None
    assert problem(Parameter(name="P", allowed_values=("", "x"), default="x"), "") is None
    assert problem(Parameter(name="P", allowed_pattern="^$|arn:.*", default="arn:x"), "") is None


def test_a_problem_has_the_constraint_description_of_the_template() -> None:
    found = problem(Parameter(name="P", allowed_pattern="[a-z]+", constraint_description="Lower case."), "A")
    assert found is not None
    assert found == Message(Code.PARAMETER_CONSTRAINT, {"constraint": "Lower case."})


def test_a_range_with_host_bits_is_corrected_whatever_the_template_says() -> None:
    """The template's own text says "such as 203.0.113.0/24", and 10.0.0.5/16 looks like one."""
    parameter = Parameter(name="P", default="0.0.0.0/0", constraint_description="must be an IPv4 range")
    assert problem(parameter, "10.0.0.5/16") == Message(
        Code.PARAMETER_HOST_BITS, {"value": "10.0.0.5/16", "network": "10.0.0.0/16"}
    )


def test_a_pattern_that_python_cannot_compile_is_left_to_cloudformation() -> None:
    assert problem(Parameter(name="P", allowed_pattern=r"\p{IsGreek}("), "x") is None


@given(st.text(), st.sampled_from(["String", "Number", "CommaDelimitedList", "AWS::EC2::KeyPair::KeyName"]))
def test_any_value_can_be_checked(value: str, kind: str) -> None:
    problem(Parameter(name="P", type=kind, allowed_pattern="[a-z]{1,3}", max_length=5), value)
