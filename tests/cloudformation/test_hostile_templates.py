"""What a template set from outside brings is read in few steps, however it is written."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.cloudformation import dependencies, nested_templates, resource_policies
from deployments.cloudformation.conditions import MAX_TEXT, UNKNOWN, TemplateValues
from deployments.cloudformation.nested_templates import MAX_STACKS, STACK, NestedTemplate
from deployments.cloudformation.parameters import Parameter, problem
from deployments.cloudformation.template_rules import MAX_VIOLATIONS, Assertion, Rule, violations
from deployments.common.message_codes import Code
from deployments.health.rules.ansible import read_output
from deployments.template_sets.rules.local_diff import file_changes
from tests.step_counts import within_steps

NESTED: dict[str, Any] = {
    f"S{number}": {"Type": STACK, "Properties": {"TemplateURL": "https://b/root.yaml"}} for number in range(8)
}
ITSELF: dict[str, Any] = {"root.yaml": {"Resources": NESTED}}
"""A template with 8 nested stacks of itself: without a limit, 8 to the power of the depth."""


def doubled(depth: int) -> Any:
    """Return a value that repeats another one that repeats another one, and so on."""
    value: Any = "x" * 10
    for _ in range(depth):
        value = {"Fn::Sub": ["${a}${a}", {"a": value}]}
    return value


def test_a_text_that_doubles_itself_is_evaluated_once_in_each_place() -> None:
    scope = TemplateValues({}, {})

    assert within_steps(1000, lambda: scope.literal(doubled(9))) == "x" * 10 * 2**9
    assert within_steps(5000, lambda: scope.literal(doubled(39))) is None


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::Sub": "${P}" * 1_000_000},
        {"Fn::Join": [{"Ref": "P"}, ["a"] * 1_000_000]},
        {"Fn::Join": ["", [{"Ref": "P"}] * 1_000_000]},
    ],
    ids=["Sub", "separator", "parts"],
)
def test_a_long_text_is_not_known(value: Any) -> None:
    scope = TemplateValues({"Parameters": {"P": {"Default": "x" * 1000}}}, {})

    assert within_steps(1000, lambda: scope.partial(value)) == UNKNOWN
    assert scope.literal({"Fn::Sub": "${P}" * (MAX_TEXT // 1000)}) == "x" * MAX_TEXT


def test_conditions_that_refer_to_each_other_end() -> None:
    chain: dict[str, Any] = {f"C{n}": {"Condition": f"C{n + 1}"} for n in range(5000)}
    chain["C5000"] = {"Fn::Equals": ["a", "a"]}
    scope = TemplateValues({"Conditions": chain}, {})

    assert scope.condition("C0") is None
    assert TemplateValues({"Conditions": chain}, {}).condition("C4980") is True


def test_the_name_of_a_nested_template_is_found_without_backtracking() -> None:
    files = ["a" * 250, "a" * 249 + "x", "network.yaml", "my-network.yaml"]

    def found(*known: str) -> str:
        return NestedTemplate("S", UNKNOWN.join(known)).found_in(files)

    assert within_steps(10_000, lambda: found(*[""] * 60, "a" * 20 + "y")) == ""
    assert within_steps(10_000, lambda: found(*["a"] * 60, "x")) == "a" * 249 + "x"
    assert found("", "-network.yaml") == "my-network.yaml"
    assert found("", "network.yaml") == "my-network.yaml"
    assert found("", "", "k.yaml") == ""  # two files
    assert found("my", "work", "yaml") == "my-network.yaml"
    assert found("my-network.yaml", "") == ""


def test_a_template_that_nests_itself_is_read_to_a_limit() -> None:
    side = nested_templates.TemplateSide(templates=ITSELF, root="root.yaml")

    stacks = within_steps(2_000_000, lambda: nested_templates.stacks_of(side))
    policies = within_steps(2_000_000, lambda: resource_policies.policies(ITSELF, "root.yaml", {}))
    graph = within_steps(5_000_000, lambda: dependencies.read(ITSELF, "root.yaml"))

    assert (len(stacks), policies) == (MAX_STACKS, {})
    assert len(graph.types) <= dependencies.MAX_RESOURCES


def test_large_templates_of_many_stacks_are_read_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nested_templates, "MAX_VALUES", 20_000)
    large = {"Resources": {"A": {"Type": "X", "Properties": {"List": [{"Ref": "B"}] * 1000}}}}
    nested = {f"S{n}": NESTED["S0"] | {"Properties": {"TemplateURL": "large.yaml"}} for n in range(500)}
    templates = {"root.yaml": {"Resources": nested}, "large.yaml": large}

    graph = within_steps(200_000, lambda: dependencies.read(templates, "root.yaml"))

    assert 500 < len(graph.types) < 510


def test_a_value_is_followed_through_a_few_stacks_only() -> None:
    child = {"Parameters": {"P": {}}, "Resources": {}, "Outputs": {"O": {"Value": {"Ref": "P"}}}}
    chain = {
        f"S{n}": {
            "Type": STACK,
            "Properties": {
                "TemplateURL": "child.yaml",
                "Parameters": {"P": {"Fn::GetAtt": [f"S{n + 1}", "Outputs.O"]}},
            },
        }
        for n in range(500)
    }
    user = {"Type": "X", "Properties": {"Of": {"Fn::GetAtt": ["S0", "Outputs.O"]}}}

    graph = dependencies.read({"r": {"Resources": {"User": user, **chain}}, "child.yaml": child}, "r")

    assert graph.edges["User"][0].path == "S0"


def test_edges_have_a_limit() -> None:
    topics = {f"T{n}": {"Type": "AWS::SNS::Topic"} for n in range(450)}
    every = [{"Ref": name} for name in topics]
    inner = {
        "Parameters": {"P": {}},
        "Resources": {n: {"Type": "X", "Properties": {"Ref": "P"}} for n in topics},
    }
    nested = {
        f"S{n}": {"Type": STACK, "Properties": {"TemplateURL": "inner.yaml", "Parameters": {"P": every}}}
        for n in range(50)
    }

    graph = dependencies.read({"r": {"Resources": topics | nested}, "inner.yaml": inner}, "r")

    number = sum(map(len, graph.edges.values()))
    assert dependencies.MAX_EDGES <= number <= dependencies.MAX_EDGES + len(topics)


def test_rules_are_read_once_and_their_violations_have_a_limit() -> None:
    parameters = {f"P{n}": Parameter(name=f"P{n}") for n in range(200)}
    values = dict.fromkeys(parameters, "a")
    every = {"Fn::RefAll": "String"}
    check = {"Fn::EachMemberEquals": [every, "b", *[every] * 50_000]}
    broken = Assertion(check={"Fn::And": [{"Fn::EachMemberEquals": [every, "b"]}, check]})

    found = within_steps(
        400_000, lambda: violations([Rule(name="R", assertions=(broken,))], parameters, values)
    )
    many = violations([Rule(name="R", assertions=(broken,) * 1000)], parameters, values) if found else []

    assert found[0].parameters == tuple(parameters)
    assert len(many) == MAX_VIOLATIONS


def test_members_of_a_list_are_compared_with_a_set_of_the_allowed_values() -> None:
    allowed = tuple(str(number) for number in range(100_000))
    parameter = Parameter(name="P", type="CommaDelimitedList", allowed_values=allowed, default="")
    last = ",".join([allowed[-1]] * 680)

    class Compared(str):
        """A value that counts comparisons."""

        compared = 0
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            Compared.compared += 1
            return super().__eq__(other)

    compared = Parameter(
        name="P", type="CommaDelimitedList", allowed_values=tuple(map(Compared, allowed)), default=""
    )

    assert problem(parameter, last) is None
    assert problem(compared, last) is None
    assert Compared.compared < 1000


def test_a_number_is_read_without_backtracking() -> None:
    parameter = Parameter(name="P", type="Number")

    for value in ("1" * 4000 + "x", "1" * 2000 + "." + "1" * 2000 + "x", "١"):
        found = problem(parameter, value)
        assert found is not None
        assert found.code == Code.PARAMETER_NO_NUMBER
    for value in ("1", "-1.", ".5", "+1.5e-3"):
        assert problem(parameter, value) is None


def test_the_recap_of_a_playbook_is_read_without_backtracking() -> None:
    hostile = "PLAY RECAP ***\nhost : " + "a=11" * 2000 + "!"

    assert read_output(hostile, "", failed=False).recap == {}
    nested = "TASK [a] ***\nfatal: [host]: FAILED! => " + "[" * 100_000
    assert read_output(nested, "", failed=True).failed_task == "a"


def test_large_files_are_counted_without_comparing_all_lines() -> None:
    old = [f"{number % 150}" for number in range(30_000)]
    new = [*old[::-1], "more"]
    before, after = ({"a": "\n".join(lines).encode()} for lines in (old, new))

    (change,) = within_steps(100_000, lambda: file_changes(before, after))
    (small,) = file_changes({"a": b"same\none\ntwo"}, {"a": b"same\ntwo\none"})

    assert (change.added, change.removed) == (1, 0)
    assert (small.added, small.removed) == (1, 1)
