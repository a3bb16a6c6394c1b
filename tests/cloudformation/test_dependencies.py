"""Dependencies between resources, read from templates: within a stack and through nested stacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.dependencies import (
    Edge,
    Graph,
    Waiting,
    blocked_by,
    from_rows,
    read,
    reversed_edges,
    rows,
    waiting_for,
)
from deployments.template_sets import template_files

INFRA = Path(__file__).parents[2] / "infra_templates"


def one(resources: dict[str, Any], **parts: Any) -> Graph:
    """Return the graph of a set with a single template."""
    return read({"root.yaml": {"Resources": resources, **parts}}, "root.yaml")


def needs(graph: Graph, path: str) -> list[tuple[str, str]]:
    return [(edge.path, edge.way) for edge in graph.edges[path]]


@pytest.fixture(scope="module")
def infra() -> Graph:
    """The graph of the bundled template set."""
    template_set = template_files.load(INFRA)
    return read(template_set.contents, template_set.root.name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"Ref": "A"}, [("A", "Ref")], id="ref"),
        pytest.param({"Fn::GetAtt": ["A", "Arn"]}, [("A", "GetAtt")], id="getatt-list"),
        pytest.param({"Fn::GetAtt": "A.Arn"}, [("A", "GetAtt")], id="getatt-text"),
        pytest.param({"Fn::Sub": "x-${A}-${A.Arn}"}, [("A", "Sub")], id="sub"),
        pytest.param({"Fn::Sub": "${!A} ${AWS::Region}"}, [], id="sub-literal"),
        pytest.param({"Fn::Sub": ["${X}", {"X": {"Ref": "A"}}]}, [("A", "Ref")], id="sub-list"),
        pytest.param({"Fn::Sub": ["${A}", {"A": "mine"}]}, [], id="sub-own-name"),
        pytest.param(
            {"Fn::If": ["Maybe", {"Ref": "A"}, {"Ref": "B"}]}, [("A", "Ref"), ("B", "Ref")], id="if"
        ),
        pytest.param({"Fn::If": ["Yes", {"Ref": "A"}, {"Ref": "B"}]}, [("A", "Ref")], id="if-known"),
        pytest.param(
            {"Fn::Join": ["", [{"Ref": "A"}, {"Ref": "B"}]]}, [("A", "Ref"), ("B", "Ref")], id="join"
        ),
        pytest.param({"Ref": "Nothing"}, [], id="unknown"),
        pytest.param({"Ref": "X"}, [], id="itself"),
        pytest.param({"Fn::GetAtt": []}, [], id="broken-getatt"),
        pytest.param({"Fn::Sub": None}, [], id="broken-sub"),
    ],
)
def test_references_in_a_value_are_dependencies(value: Any, expected: list[tuple[str, str]]) -> None:
    graph = one(
        {"A": {"Type": "T"}, "B": {"Type": "T"}, "X": {"Type": "T", "Properties": {"P": value}}},
        Parameters={"Size": {"Type": "String"}},
        Conditions={
            "Maybe": {"Fn::Equals": [{"Ref": "Size"}, "big"]},
            "Yes": {"Fn::Not": [{"Fn::Equals": ["a", "b"]}]},
        },
    )

    assert needs(graph, "X") == expected


@pytest.mark.parametrize("after", ["A", ["A"], ["A", "Nothing", 3]], ids=["text", "list", "with-unknown"])
def test_depends_on_is_a_dependency(after: Any) -> None:
    graph = one({"A": {"Type": "T"}, "X": {"Type": "T", "DependsOn": after}})

    assert needs(graph, "X") == [("A", "DependsOn")]


def test_a_name_that_cannot_be_a_logical_id_is_not_in_the_graph() -> None:
    inner = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "</script>": {}}}
    url = {"TemplateURL": "https://x.s3.amazonaws.com/inner.yaml"}
    root = {"Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": url}}}

    assert set(read({"root.yaml": root, "inner.yaml": inner}, "root.yaml").types) == {"Inner", "Inner/Queue"}


def test_a_resource_with_a_false_condition_is_not_in_the_graph() -> None:
    template = {
        "Parameters": {"Nat": {"Type": "String", "Default": "one"}},
        "Conditions": {"Two": {"Fn::Equals": [{"Ref": "Nat"}, "two"]}},
        "Resources": {"A": {"Type": "T"}, "B": {"Type": "T", "Condition": "Two"}},
    }

    assert set(read({"root": template}, "root").types) == {"A"}
    assert set(read({"root": template}, "root", {"Nat": "two"}).types) == {"A", "B"}


def test_a_parameter_is_followed_to_the_resource_in_another_stack(infra: Graph) -> None:
    assert ("Network/AppSubnetA", "parameter") in needs(infra, "Nlb/Nlb")
    assert ("Aurora/DbCluster", "parameter") in needs(infra, "Configuration/AppServerAssociation")


def test_a_nested_stack_depends_on_the_stacks_whose_outputs_it_uses(infra: Graph) -> None:
    assert ("Network", "GetAtt") in needs(infra, "Aurora")
    assert ("Configuration", "DependsOn") in needs(infra, "AppServers")


def test_a_resource_waits_for_its_own_dependencies_and_those_of_its_stack(infra: Graph) -> None:
    states = {"Network": "CREATE_COMPLETE", "Nlb": "CREATE_COMPLETE", "Aurora": "CREATE_IN_PROGRESS"}

    waits = waiting_for("Configuration/AppServerAssociation", infra.edges, states)

    assert Waiting("Configuration/PlaybookDocument", "Ref") in waits
    assert Waiting("Aurora", "GetAtt", "Configuration") in waits
    assert "Nlb" not in {waiting.path for waiting in waits}


def test_a_resource_that_has_started_waits_for_nothing(infra: Graph) -> None:
    assert waiting_for("Aurora", infra.edges, {"Aurora": "CREATE_IN_PROGRESS"}) == ()


def test_blocked_resources_are_the_reverse_of_dependencies(infra: Graph) -> None:
    assert "Nlb/NlbListener" in blocked_by(infra.edges)["Nlb/Nlb"]
    assert Edge("Nlb/NlbListener", "Ref") in reversed_edges(infra.edges)["Nlb/Nlb"]


def test_edges_can_be_stored_in_a_row_and_read_again(infra: Graph) -> None:
    own = tuple(infra.edges["Configuration"])

    assert from_rows(rows(own)) == own
    assert from_rows({"not": "a list"}) == ()


def test_cycles_between_stacks_are_cut() -> None:
    url = {"TemplateURL": "s3/a.yaml"}
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": url}
    parent = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {**url, "Parameters": {"P": {"Fn::GetAtt": ["S", "Outputs.O"]}}},
    }
    child = {
        "Parameters": {"P": {"Type": "String"}},
        "Resources": {
            "R": {"Type": "T", "DependsOn": "R2", "Properties": {"V": {"Ref": "P"}}},
            "R2": {"Type": "T", "DependsOn": "R"},
            "Again": nested,
        },
        "Outputs": {"O": {"Value": {"Ref": "P"}}},
    }

    graph = read({"root": {"Resources": {"S": parent}}, "a.yaml": child}, "root")

    assert needs(graph, "S/R") == [("S/R2", "DependsOn")]


FUNCTIONS = ["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If", "Fn::Equals", "Condition"]
PARTS = ["DependsOn", "Properties", "Parameters", "Type", "Resources", "Outputs", "Value", "Conditions"]
WORDS = [*FUNCTIONS, *PARTS, "A", "B", "S", "TemplateURL"]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.sampled_from(["A", "B", "S", "Outputs.O", "${A.B}"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(WORDS),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=25,
)


@given(JSON, JSON)
def test_any_template_can_be_read(resources: Any, child: Any) -> None:
    nested = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": "x/child", "Parameters": resources},
    }
    graph = read(
        {"root": {"Resources": {"S": nested, "A": resources}, "Outputs": child}, "child": child}, "root"
    )

    for path in graph.types:
        waiting_for(path, graph.edges, {})
        blocked_by(graph.edges)
