"""Rules that hold for any change set that CloudFormation returns."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.change_effects import judged
from deployments.cloudformation.change_summary import (
    Prediction,
    compare_with_events,
    counts,
    hazards,
)
from deployments.cloudformation.changes import (
    Action,
    ChangedProperty,
    ChangedResource,
    Changes,
    Effect,
    LinkKind,
)
from deployments.template_sets.rules.local_diff import FileChange, file_changes, parameter_changes
from tests.cloudformation.recorded import recorded

SCENE = recorded("traffic")
PATHS = sorted({one.path for one in SCENE.changes.resources} | {"Gone", "Network/Gone", "Nowhere/Gone"})
CAUSES = [
    "",
    "Network.Outputs.WebTargetGroup",
    "AlbSecurityGroup",
    "WebTargetGroup",
    "ClientCidr",
    "Gone",
    "A.B",
]
DETAILS = st.builds(
    ChangedProperty,
    name=st.sampled_from(["", "Subnets", "SecurityGroups", "Gone"]),
    path=st.sampled_from(["", "/Properties/Subnets/0"]),
    recreation=st.sampled_from(["Never", "Conditionally", "Always"]),
    evaluation=st.sampled_from(["Static", "Dynamic"]),
    source=st.sampled_from(
        [
            "",
            "ParameterReference",
            "ResourceReference",
            "ResourceAttribute",
            "DirectModification",
            "Automatic",
        ]
    ),
    cause=st.sampled_from(CAUSES),
)
TYPES = [
    "AWS::RDS::DBCluster",
    "AWS::S3::Bucket",
    "AWS::EC2::Route",
    "AWS::CloudFormation::Stack",
    "Custom::A",
]
RESOURCES = st.builds(
    ChangedResource,
    path=st.sampled_from(PATHS),
    action=st.sampled_from(list(Action)).map(str),
    type=st.sampled_from(TYPES),
    replacement=st.sampled_from(["", "True", "False", "Conditional"]),
    policy_action=st.sampled_from(
        ["", "Delete", "Retain", "Snapshot", "ReplaceAndRetain", "ReplaceAndSnapshot"]
    ),
    properties=st.lists(DETAILS, max_size=3).map(tuple),
)
CHANGES = st.lists(RESOURCES, max_size=5, unique_by=lambda one: one.path).map(
    lambda resources: Changes(resources=tuple(resources))
)


def analysed(changes: Changes, parameters: Mapping[str, LinkKind] | None = None) -> Changes:
    return judged(changes, SCENE.before, SCENE.after, SCENE.parameters if parameters is None else parameters)


@given(CHANGES)
def test_data_that_goes_is_never_folded_and_always_to_be_confirmed(changes: Changes) -> None:
    for one in analysed(changes).resources:
        if one.data:
            assert one.effect != Effect.UNCHANGED
        kept = one.policy_action in ("Retain", "ReplaceAndRetain")
        goes = one.action in (Action.REMOVE, Action.REPLACE) or one.replacement == "Conditional"
        if one.data and goes and not kept and one.action not in (Action.ADD, Action.IMPORT):
            assert one in hazards(analysed(changes))


@given(CHANGES)
def test_nothing_that_is_new_or_gone_or_named_statically_at_the_root_is_taken_for_unchanged(
    changes: Changes,
) -> None:
    for one in analysed(changes).resources:
        if one.effect == Effect.UNCHANGED:
            assert one.action not in (Action.ADD, Action.REMOVE, Action.IMPORT)
            assert all(detail.cause or detail.source for detail in one.properties)
            assert not any(
                detail.source == "ParameterReference" and detail.evaluation == "Static" and not one.stack
                for detail in one.properties
            )


@given(CHANGES)
def test_every_change_is_counted_once_and_every_property_has_a_cause(changes: Changes) -> None:
    found = analysed(changes)
    assert sum(counts(found).values()) == sum(one.effect != Effect.STACK for one in found.resources)
    assert all(detail.because for one in found.resources for detail in one.properties)
    assert found.digest == analysed(changes).digest


@given(CHANGES, st.lists(st.sampled_from(PATHS)))
def test_a_prediction_is_wrong_exactly_where_events_touched_what_was_taken_for_unchanged(
    changes: Changes, touched: list[str]
) -> None:
    found = analysed(changes)
    prediction = compare_with_events(found, touched)
    assert set(prediction.wrong) <= set(touched)
    assert prediction.right + len(prediction.wrong) == prediction.predicted
    assert Prediction.from_json(prediction.to_json()) == prediction


def test_an_empty_column_has_no_prediction() -> None:
    assert Prediction.from_json({}) is None


VALUES = st.dictionaries(st.sampled_from("abcd"), st.text(max_size=3))


@given(VALUES, VALUES, st.sets(st.sampled_from("abcd")), st.sets(st.sampled_from("abcd")))
def test_the_local_diff_has_every_value_that_differs_and_no_secret(
    before: dict[str, str], after: dict[str, str], secrets: set[str], changed: set[str]
) -> None:
    found = {
        one.name: one for one in parameter_changes(before, after, secrets=secrets, changed_secrets=changed)
    }
    for name in before.keys() | after.keys():
        if name not in secrets | changed:
            assert (name in found) == (before.get(name) != after.get(name))
    for name in secrets | changed:
        assert (name in found) == (name in changed)
    assert all(one.before is None and one.after is None for one in found.values() if one.is_secret)


def test_a_new_default_of_the_template_set_is_told_from_a_value_that_a_person_changed() -> None:
    defaults = {"old_defaults": {"A": "1", "B": "1"}, "new_defaults": {"A": "2", "B": "2"}}
    found = parameter_changes({"A": "1", "B": "1"}, {"A": "2", "B": "3"}, **defaults)
    assert [(one.name, one.cause) for one in found] == [("A", LinkKind.DEFAULT), ("B", LinkKind.PARAMETER)]


def test_the_lines_of_a_template_that_changes_are_counted() -> None:
    before = {"a.yaml": b"one\ntwo\nthree\n", "b.yaml": b"x\n", "d.zip": b"\xff\x00"}
    after = {"a.yaml": b"one\n2\nthree\nfour\n", "c.yaml": b"y\nz\n", "d.zip": b"\xff\x01"}
    found = file_changes(before, after)
    assert [(one.name, one.change, one.added, one.removed) for one in found] == [
        ("a.yaml", FileChange.CHANGED, 2, 1),
        ("b.yaml", FileChange.REMOVED, 0, 1),
        ("c.yaml", FileChange.ADDED, 2, 0),
        ("d.zip", FileChange.CHANGED, 0, 0),
    ]
    assert file_changes(before, before) == ()
