"""The effects predicted from recorded change sets of a real run, compared with what their updates touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployments.cloudformation.change_effects import judged
from deployments.cloudformation.change_summary import compare_with_events, counts, hazards, replaces
from deployments.cloudformation.changes import (
    KNOWN_AFTER_APPLY,
    Action,
    CauseLink,
    ChangedProperty,
    ChangedResource,
    Changes,
    Effect,
    LinkKind,
)
from deployments.cloudformation.nested_templates import TemplateSide
from tests.cloudformation.recorded import Recorded, recorded

SCENES = ("scale", "traffic", "database", "version")


def analysed(found: Recorded) -> Changes:
    return judged(found.changes, found.before, found.after, found.parameters)


def at(changes: Changes, path: str) -> ChangedResource:
    (found,) = [one for one in changes.resources if one.path == path]
    return found


def chain(resource: ChangedResource, name: str) -> list[str]:
    (detail, *_) = [one for one in resource.properties if one.name == name and one.cause]
    return [link.label for link in detail.because]


@pytest.mark.parametrize("scene", SCENES)
def test_nothing_that_was_taken_for_unchanged_was_touched_by_the_update(scene: str) -> None:
    found = recorded(scene)
    prediction = compare_with_events(analysed(found), found.touched)
    assert prediction.wrong == ()
    assert prediction.predicted == {"scale": 0, "traffic": 23, "database": 1, "version": 16}[scene]


@pytest.mark.parametrize("scene", SCENES)
def test_everything_that_the_update_touched_is_in_the_preview_as_a_change(scene: str) -> None:
    found = recorded(scene)
    changes = {one.path: one for one in analysed(found).resources}
    touched = [path for path in found.touched if changes.get(path) and not changes[path].is_stack]
    assert touched
    assert all(changes[path].effect != Effect.UNCHANGED for path in touched)
    assert {path for path in found.touched if "/" in path} <= changes.keys()


def test_one_server_more_is_one_update_in_place_because_of_the_parameter() -> None:
    changes = analysed(recorded("scale"))
    assert counts(changes) == {Effect.UPDATED: 1}
    assert not replaces(changes)
    assert not hazards(changes)
    group = at(changes, "AppServers/AutoScalingGroup")
    assert chain(group, "DesiredCapacity") == ["AppServerCount", "AppServers"]
    assert next((one.before, one.after) for one in group.properties if one.name == "MaxSize") == ("2", "3")


def test_another_database_name_replaces_the_cluster_with_its_data_and_its_instances() -> None:
    changes = analysed(recorded("database"))
    assert counts(changes)[Effect.DELETES_DATA] == 1
    (cluster,) = hazards(changes)
    assert (cluster.path, cluster.data, cluster.policy_action) == (
        "Aurora/DbCluster",
        "database",
        "ReplaceAndSnapshot",
    )
    assert chain(cluster, "DatabaseName") == ["DatabaseName", "Aurora"]
    instance = at(changes, "DatabaseInstanceA")
    assert instance.replacement == "Conditional"
    assert instance.effect == Effect.REPLACED, "it uses the id of a cluster that is replaced"
    assert chain(instance, "DBClusterIdentifier") == ["DatabaseName", "Aurora", "DbCluster"]
    assert replaces(changes)


def test_a_rule_of_a_security_group_leaves_all_that_uses_outputs_of_its_stack_unchanged() -> None:
    changes = analysed(recorded("traffic"))
    assert counts(changes) == {Effect.UPDATED: 2, Effect.UNCHANGED: 23}
    assert at(changes, "Network/AlbSecurityGroup").effect == Effect.UPDATED
    gateway = at(changes, "NatGatewayA")
    assert (gateway.replacement, gateway.effect) == ("Conditional", Effect.UNCHANGED)
    assert [link.label for link in gateway.unchanged] == ["PublicSubnetA"]


def test_a_data_bearing_resource_is_never_taken_for_unchanged() -> None:
    for scene in ("traffic", "version"):
        cluster = at(analysed(recorded(scene)), "Aurora/DbCluster")
        assert all(one.likely_same for one in cluster.properties)
        assert cluster.effect == Effect.UPDATED


@pytest.mark.parametrize("replacement", ["True", "Conditional"])
def test_a_data_bearing_resource_that_is_or_may_be_replaced_is_always_a_hazard(replacement: str) -> None:
    found = recorded("traffic")
    action = Action.REPLACE if replacement == "True" else Action.MODIFY
    resources = tuple(
        replace(one, replacement=replacement, action=action.value) if one.path == "Aurora/DbCluster" else one
        for one in found.changes.resources
    )
    changes = judged(replace(found.changes, resources=resources), found.before, found.after, found.parameters)
    expected = Effect.DELETES_DATA if replacement == "True" else Effect.MAY_DELETE_DATA
    assert [(one.path, one.effect) for one in hazards(changes)] == [("Aurora/DbCluster", expected)]


def test_nothing_is_taken_for_unchanged_when_the_templates_of_before_are_not_known() -> None:
    found = recorded("traffic")
    changes = judged(found.changes, None, found.after, found.parameters)
    assert Effect.UNCHANGED not in counts(changes)


def test_nothing_of_a_stack_whose_template_changed_is_taken_for_unchanged() -> None:
    found = recorded("traffic")
    templates = {**found.after.templates}
    templates["alb.yaml"] = {**templates["alb.yaml"], "Description": "another"}
    after = TemplateSide(templates=templates, root=found.after.root, values=found.after.values)
    changes = judged(found.changes, found.before, after, found.parameters)
    assert at(changes, "Alb/HttpListener").effect == Effect.UPDATED
    assert at(changes, "Nlb/NlbListener").effect == Effect.UNCHANGED


def test_an_output_that_is_written_differently_changes_what_uses_it() -> None:
    found = recorded("traffic")
    templates = {**found.after.templates}
    network = templates["network.yaml"]
    outputs = {**network["Outputs"], "WebTargetGroup": {"Value": "another"}}
    templates["network.yaml"] = {**network, "Outputs": outputs}
    after = TemplateSide(templates=templates, root=found.after.root, values=found.after.values)
    changes = judged(found.changes, found.before, after, found.parameters)
    assert at(changes, "Alb/HttpListener").effect != Effect.UNCHANGED
    assert at(changes, "Nlb/NlbListener").effect == Effect.UNCHANGED


def test_the_resources_of_a_nested_stack_that_is_removed_are_removed_with_their_data() -> None:
    found = recorded("scale")
    stack = ChangedResource(path="Aurora", action="remove", type="AWS::CloudFormation::Stack")
    changes = judged(Changes(resources=(stack,)), found.before, found.after, {})
    lost = {one.path: one.policy_action for one in hazards(changes)}
    assert lost["Aurora/DbCluster"] == "Snapshot"
    assert lost["Aurora/DatabaseUserSecret"] == "Delete"
    assert counts(changes)[Effect.REMOVED] >= 5


def side(**resources: object) -> TemplateSide:
    return TemplateSide(templates={"root.yaml": {"Resources": resources}}, root="root.yaml")


def one_change(**values: object) -> Changes:
    given: dict[str, object] = {"path": "Logs", "action": "remove", "type": "AWS::Logs::LogGroup"}
    return Changes(resources=(ChangedResource(**(given | values)),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "effect"),
    [("Delete", Effect.DELETES_DATA), ("Retain", Effect.REMOVED), ("", Effect.DELETES_DATA)],
)
def test_a_retained_resource_is_removed_without_its_data(policy: str, effect: Effect) -> None:
    changes = judged(one_change(policy_action=policy), side(), side(), {})
    assert at(changes, "Logs").effect == effect


def test_a_database_that_is_retained_when_it_is_replaced_has_to_be_confirmed_as_well() -> None:
    given = one_change(
        type="AWS::RDS::DBCluster", action="replace", replacement="True", policy_action="ReplaceAndRetain"
    )
    changes = judged(given, side(), side(), {})
    assert at(changes, "Logs").effect == Effect.REPLACED
    assert len(hazards(changes)) == 1


def test_a_change_without_a_cause_comes_from_the_template() -> None:
    detail = ChangedProperty(name="RetentionInDays", source="DirectModification")
    changes = judged(
        one_change(action="modify", replacement="False", properties=(detail,)), side(), side(), {}
    )
    assert at(changes, "Logs").properties[0].because == (
        CauseLink(kind=LinkKind.TEMPLATE.value, name="root.yaml"),
    )


def test_a_cycle_of_resources_that_use_each_other_ends() -> None:
    details = [
        ChangedProperty(name="A", evaluation="Dynamic", source="ResourceReference", cause=cause)
        for cause in ("Two", "One")
    ]
    resources = tuple(
        ChangedResource(path=path, action="modify", replacement="Conditional", properties=(detail,))
        for path, detail in zip(("One", "Two"), details, strict=True)
    )
    bodies = {"One": {"Properties": {"A": {"Ref": "Two"}}}, "Two": {"Properties": {"A": {"Ref": "One"}}}}
    changes = judged(Changes(resources=resources), side(**bodies), side(**bodies), {})
    assert [one.effect for one in changes.resources] == [Effect.UPDATED, Effect.UPDATED]


def test_a_value_that_is_known_and_differs_is_never_taken_for_unchanged() -> None:
    """The stack was changed outside of Sanso: both templates and all values that Sanso knows are equal."""
    root = {
        "Web": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {
                "TemplateURL": {"Fn::Sub": "https://${Bucket}.s3.amazonaws.com/web.yaml"},
                "Parameters": {"Days": {"Fn::GetAtt": ["Net", "Outputs.Days"]}},
            },
        }
    }
    web = {
        "Parameters": {"Days": {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Delay": {"Ref": "Days"}}}},
    }
    both = TemplateSide(templates={"root.yaml": {"Resources": root}, "web.yaml": web}, root="root.yaml")
    detail = ChangedProperty(
        name="Delay", source="ParameterReference", cause="Days", evaluation="Static", before="30", after="14"
    )
    given = one_change(path="Web/Topic", type="AWS::SNS::Topic", action="modify", replacement="False")
    resource = replace(given.resources[0], properties=(detail,))

    found = at(judged(Changes(resources=(resource,)), both, both, {}), "Web/Topic")
    unknown = replace(detail, after=KNOWN_AFTER_APPLY)
    listed = replace(resource, properties=(unknown,))

    assert (found.effect, found.properties[0].likely_same) == (Effect.UPDATED, False)
    assert at(judged(Changes(resources=(listed,)), both, both, {}), "Web/Topic").effect == Effect.UNCHANGED
