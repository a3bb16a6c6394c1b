"""Changes of a change set are stored and read unchanged, and any difference changes their digest."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.changes import (
    Action,
    CauseLink,
    ChangedProperty,
    ChangedResource,
    Changes,
    Effect,
    LinkKind,
    action_of,
)

TEXT = st.text(max_size=20)
VALUES = st.none() | TEXT | st.just("{{changeSet:KNOWN_AFTER_APPLY}}")
LINKS = st.builds(CauseLink, kind=st.sampled_from(list(LinkKind)).map(str), name=TEXT, effect=TEXT)
PROPERTIES = st.builds(
    ChangedProperty,
    name=TEXT,
    attribute=st.sampled_from(["Properties", "Tags", "Metadata"]),
    path=TEXT,
    before=VALUES,
    after=VALUES,
    recreation=st.sampled_from(["Never", "Conditionally", "Always"]),
    evaluation=st.sampled_from(["Static", "Dynamic"]),
    source=st.sampled_from(["", "ParameterReference", "ResourceReference", "DirectModification"]),
    cause=TEXT,
    because=st.lists(LINKS, max_size=2).map(tuple),
)
RESOURCES = st.builds(
    ChangedResource,
    path=TEXT,
    action=st.sampled_from(list(Action)).map(str),
    type=TEXT,
    physical_id=TEXT,
    replacement=st.sampled_from(["", "True", "False", "Conditional"]),
    policy_action=st.sampled_from(["", "Delete", "ReplaceAndSnapshot"]),
    scope=st.lists(TEXT, max_size=2).map(tuple),
    properties=st.lists(PROPERTIES, max_size=3).map(tuple),
    effect=st.sampled_from(list(Effect)).map(str),
    data=TEXT,
    unchanged=st.lists(LINKS, max_size=2).map(tuple),
)
CHANGES = st.builds(
    Changes,
    resources=st.lists(RESOURCES, max_size=3).map(tuple),
    computed=st.lists(TEXT, max_size=3).map(tuple),
    files=st.dictionaries(TEXT, TEXT, max_size=2),
    template_digest=TEXT,
    root_only=st.booleans(),
    root_only_reason=TEXT,
)


@given(CHANGES)
def test_changes_are_stored_and_read_again_unchanged(changes: Changes) -> None:
    stored = json.loads(json.dumps(changes.to_json()))
    assert Changes.from_json(stored) == changes
    assert Changes.from_json(stored).digest == changes.digest


@given(CHANGES, TEXT)
def test_fields_of_a_newer_release_are_ignored(changes: Changes, value: str) -> None:
    stored = changes.to_json() | {"of_tomorrow": value}
    assert Changes.from_json(stored) == changes


def test_an_empty_column_has_no_changes() -> None:
    assert Changes.from_json({}) == Changes()


ONE = Changes(
    template_digest="a",
    resources=(
        ChangedResource(
            path="Aurora/DbCluster",
            action="replace",
            replacement="True",
            properties=(ChangedProperty(name="DatabaseName", before="datelog", after="shop"),),
        ),
    ),
)


def changed_field(name: str, value: str) -> dict[str, Any]:
    return {name: value}


@given(st.sampled_from(["path", "action", "type", "physical_id", "replacement", "policy_action"]), TEXT)
def test_the_digest_differs_with_everything_that_cloudformation_says_of_a_resource(
    name: str, value: str
) -> None:
    changed = replace(ONE, resources=(replace(ONE.resources[0], **changed_field(name, value)),))
    assert (changed.digest == ONE.digest) == (changed == ONE)


@given(st.sampled_from(["name", "path", "before", "after", "recreation", "evaluation", "cause"]), TEXT)
def test_the_digest_differs_with_everything_that_it_says_of_a_property(name: str, value: str) -> None:
    (resource,) = ONE.resources
    properties = (replace(resource.properties[0], **changed_field(name, value)),)
    changed = replace(ONE, resources=(replace(resource, properties=properties),))
    assert (changed.digest == ONE.digest) == (changed == ONE)


def test_the_digest_does_not_depend_on_what_sanso_makes_of_a_change() -> None:
    (resource,) = ONE.resources
    judged = replace(resource, effect=Effect.DELETES_DATA.value, data="database")
    assert replace(ONE, resources=(judged,)).digest == ONE.digest


def test_a_modification_that_replaces_is_a_replacement() -> None:
    assert action_of("Modify", "True") == Action.REPLACE
    assert action_of("Modify", "Conditional") == Action.MODIFY
    assert action_of("SyncWithActual", "") == Action.MODIFY
    assert [action_of(one, "") for one in ("Add", "Remove", "Import", "Dynamic")] == [
        Action.ADD,
        Action.REMOVE,
        Action.IMPORT,
        Action.DYNAMIC,
    ]
