"""The kind of a release, from the files that differ and the effect on the servers' Auto Scaling group."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.changes import ChangedProperty, ChangedResource, Changes, Effect
from deployments.cloudformation.nested_templates import TemplateSide, TemplateStack, stacks_of
from deployments.cloudformation.observed_resources import GROUP
from deployments.cloudformation.release_kind import LISTED, Release, ReleaseKind, ReleaseRule, release_of
from deployments.cloudformation.resource_policies import ROLLS
from deployments.common.message_codes import Code

RULE = ReleaseRule(artifacts=("playbook.zip",), servers="AppServers", code=("app/datelog/*",))
CODE, OTHER = "app/datelog/templates/view.html", "tasks/service.yml"
POLICY = {
    "AutoScalingRollingUpdate": {
        "MinInstancesInService": {"Fn::If": ["HasOneServer", 0, 1]},
        "MaxBatchSize": 1,
    }
}


def servers(count: int, policy: dict[str, Any] | None = None) -> dict[str, TemplateStack]:
    """Return the stacks of a set with an Auto Scaling group of this size."""
    body: dict[str, Any] = {"Type": GROUP, "Properties": {"DesiredCapacity": {"Ref": "Count"}}}
    template = {
        "Parameters": {"Count": {"Type": "Number", "Default": count}},
        "Conditions": {"HasOneServer": {"Fn::Equals": [{"Ref": "Count"}, 1]}},
        "Resources": {"Group": body | ({"UpdatePolicy": policy} if policy is not None else {})},
    }
    nested = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {
            "TemplateURL": "https://b.s3.amazonaws.com/p/app.yaml",
            "Parameters": {"Count": count},
        },
    }
    root = {"Resources": {"AppServers": nested}}
    return stacks_of(TemplateSide(templates={"root.yaml": root, "app.yaml": template}, root="root.yaml"))


def group(effect: Effect = Effect.UPDATED, *properties: str, likely_same: bool = False) -> Changes:
    return Changes(
        resources=(
            ChangedResource(
                path="AppServers/Group",
                action="modify",
                type=GROUP,
                effect=effect.value,
                properties=tuple(ChangedProperty(name=one, likely_same=likely_same) for one in properties),
            ),
        )
    )


NOTHING = Changes()


@pytest.mark.parametrize(
    ("differing", "changes", "kind", "code"),
    [
        ([], NOTHING, ReleaseKind.NONE, Code.RELEASE_NO_FILES),
        ([CODE], NOTHING, ReleaseKind.CODE, Code.RELEASE_CODE),
        ([OTHER], NOTHING, ReleaseKind.DISRUPTIVE, Code.RELEASE_DISRUPTIVE),
        ([CODE, OTHER], NOTHING, ReleaseKind.DISRUPTIVE, Code.RELEASE_DISRUPTIVE),
        (None, NOTHING, ReleaseKind.DISRUPTIVE, Code.RELEASE_SET_UNKNOWN),
        ([CODE], group(Effect.UPDATED, "DesiredCapacity"), ReleaseKind.CODE, Code.RELEASE_CODE),
        ([CODE], group(Effect.UPDATED, "LaunchTemplate"), ReleaseKind.REPLACEMENT, Code.RELEASE_GROUP_ROLLS),
        ([], group(Effect.UPDATED, "LaunchTemplate"), ReleaseKind.REPLACEMENT, Code.RELEASE_GROUP_ROLLS),
        ([CODE], group(Effect.REPLACED), ReleaseKind.REPLACEMENT, Code.RELEASE_GROUP_REPLACED),
        ([], group(Effect.ADDED), ReleaseKind.REPLACEMENT, Code.RELEASE_GROUP_CREATED),
        ([OTHER], group(Effect.MAY_BE_REPLACED), ReleaseKind.DISRUPTIVE, Code.RELEASE_DISRUPTIVE),
        ([CODE], group(Effect.MAY_BE_REPLACED), ReleaseKind.CODE, Code.RELEASE_CODE),
        ([], group(Effect.MAY_BE_REPLACED), ReleaseKind.REPLACEMENT, Code.RELEASE_GROUP_MAY_BE_REPLACED),
    ],
)
def test_the_kind_and_its_reason(
    differing: list[str] | None, changes: Changes, kind: ReleaseKind, code: Code
) -> None:
    found = release_of(RULE, differing, changes, servers(2, POLICY))

    assert found is not None
    assert (found.kind, found.reason.code, found.servers) == (kind, code, 2)
    assert not found.interrupts


def test_a_set_without_a_rule_has_no_release() -> None:
    assert release_of(None, [CODE], NOTHING, servers(2)) is None


def test_a_value_that_probably_stays_replaces_no_server() -> None:
    changes = group(Effect.UPDATED, "LaunchTemplate", likely_same=True)
    found = release_of(RULE, [CODE], changes, servers(2, POLICY))

    assert found is not None
    assert found.kind is ReleaseKind.CODE


def test_without_an_update_policy_running_servers_stay() -> None:
    found = release_of(RULE, [CODE], group(Effect.UPDATED, "LaunchTemplate"), servers(2))

    assert found is not None
    assert found.kind is ReleaseKind.CODE


@pytest.mark.parametrize(
    ("differing", "changes", "interrupts"),
    [
        ([CODE], NOTHING, False),
        ([OTHER], NOTHING, True),
        ([], NOTHING, False),
        ([], group(Effect.UPDATED, "LaunchTemplate"), True),
    ],
)
def test_one_server_alone_is_interrupted_unless_only_its_code_changes(
    differing: list[str], changes: Changes, interrupts: bool
) -> None:
    found = release_of(RULE, differing, changes, servers(1, POLICY))

    assert found is not None
    assert found.interrupts is interrupts


@given(st.sets(st.sampled_from([CODE, OTHER, "app/datelog/x.py", "wheels.py", "app/other"])))
def test_code_is_only_what_the_rule_names(differing: set[str]) -> None:
    found = release_of(RULE, differing, NOTHING, servers(3))
    is_code = all(name.startswith("app/datelog/") for name in differing)
    kind = ReleaseKind.NONE if not differing else ReleaseKind.CODE if is_code else ReleaseKind.DISRUPTIVE

    assert found is not None
    assert found.kind is kind


@given(
    st.none() | st.sets(st.text(min_size=1), max_size=2 * LISTED),
    st.sampled_from(list(Effect)),
    st.lists(st.sampled_from([*ROLLS, "MinSize"]), max_size=3),
    st.integers(0, 5),
)
def test_a_release_is_stored_and_read_again(
    differing: set[str] | None, effect: Effect, properties: list[str], count: int
) -> None:
    found = release_of(RULE, differing, group(effect, *properties), servers(count, POLICY))

    assert found is not None
    assert Release.from_json(found.to_json()) == found
    assert len(found.files) <= LISTED


@pytest.mark.parametrize("stored", [None, {}, [], "code", {"kind": "later"}, {"kind": "code"}])
def test_what_another_release_stored_is_read(stored: object) -> None:
    found = Release.from_json(stored)

    assert found is None or found.kind is ReleaseKind.CODE


def test_the_first_servers_are_neither_replaced_nor_is_there_an_outage() -> None:
    found = release_of(RULE, None, group(Effect.ADDED), servers(1, POLICY))

    assert found is not None
    assert (found.reason.code, found.interrupts) == (Code.RELEASE_GROUP_CREATED, False)


def test_a_group_with_another_name_replaces_the_servers() -> None:
    added, removed = group(Effect.ADDED).resources[0], group(Effect.REMOVED).resources[0]
    for resources in ((added, removed), (removed, added)):
        found = release_of(RULE, [CODE], Changes(resources=resources), servers(2, POLICY))

        assert found is not None
        assert found.reason.code is Code.RELEASE_GROUP_REPLACED
