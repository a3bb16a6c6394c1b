"""What a change set says will change: resources of one stack, with values before and after where known."""

import copy
import json
from typing import Any, Final

from ministack.services.cloudformation import changesets, engine, stacks

from portal.sandbox.engine.cloudformation.store import STACK_TYPE, Record, Stack, Template

# What AWS shows for a value that is known only after the execution.
LATER: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"


class _Unknown(dict[str, Any]):
    """The attributes of a resource that does not exist yet: each of them will be known later."""

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> str:
        return LATER


def changes(
    stack: Stack, template: Template, parameters: dict[str, Any], *, retag: bool
) -> list[dict[str, Any]]:
    """List the changes to a stack's resources, as DescribeChangeSet has them.

    Args:
        retag: the stack's tags change, and with them those of its resources.
    """
    old_template, old_parameters = stack["_template"], stack["_resolved_params"]
    names = stack["StackName"], stack["StackId"]
    old = changesets._resolve_props_for_diff(old_template, old_parameters, *names)
    new = changesets._resolve_props_for_diff(template, parameters, *names)
    conditions = engine._evaluate_conditions(template, parameters)
    wanted = {
        name: definition
        for name, definition in (new.get("Resources") or {}).items()
        if conditions.get(definition.get("Condition") or "", True)
    }
    had = {
        name: definition
        for name, definition in (old.get("Resources") or {}).items()
        if name in stack["_resources"]
    }
    changed_parameters = {
        name
        for name, value in parameters.items()
        if (old_parameters.get(name) or {}).get("Value") != value["Value"]
    }
    found: list[dict[str, Any]] = stacks._diff_resources(
        {"Resources": had},
        {"Resources": wanted},
        stack["_resources"],
        template,
        changed_parameters,
        stack["_resources"] if retag else (),
    )
    for change in found:
        _add_values(change["ResourceChange"], stack, template, parameters)
    return found


def _add_values(change: dict[str, Any], stack: Stack, template: Template, parameters: dict[str, Any]) -> None:
    """Add the values before and after, which are only shown on request (IncludePropertyValues)."""
    name = change["LogicalResourceId"]
    record: Record | None = stack["_resources"].get(name)
    before = record["Properties"] if record else None
    after = None
    if change["Action"] != "Remove":
        after = properties_later(stack, template, parameters, name)
    if before is not None:
        change["BeforeContext"] = json.dumps({"Properties": before}, default=str)
    if after is not None:
        change["AfterContext"] = json.dumps({"Properties": after}, default=str)
    for detail in change.get("Details") or ():
        target = detail["Target"]
        key = target.get("Name")
        if key and before is not None and after is not None:
            target.update(_compared(key, before, after))


def _compared(key: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    kinds = {(True, True): "Modify", (True, False): "Remove", (False, True): "Add"}
    found: dict[str, Any] = {"Path": f"/Properties/{key}"}
    if key in before:
        found["BeforeValue"] = _text(before[key])
    if key in after:
        found["AfterValue"] = _text(after[key])
    kind = kinds.get((key in before, key in after))
    return {**found, "AttributeChangeType": kind} if kind else found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def properties_later(
    stack: Stack, template: Template, parameters: dict[str, Any], name: str
) -> dict[str, Any]:
    """Resolve the properties a resource will have; what depends on a resource to come reads LATER."""
    known = stack["_resources"]
    resources = {
        other: known.get(other) or {"PhysicalResourceId": LATER, "Attributes": _Unknown()}
        for other in template.get("Resources") or {}
    }
    conditions = engine._evaluate_conditions(template, parameters)
    found = {}
    for key, value in (template["Resources"][name].get("Properties") or {}).items():
        try:
            resolved = engine._resolve_refs(
                copy.deepcopy(value),
                resources,
                parameters,
                conditions,
                template.get("Mappings") or {},
                stack["StackName"],
                stack["StackId"],
            )
        except (ValueError, IndexError, KeyError, TypeError):
            resolved = LATER  # an attribute that is new, or a part of something not known yet
        if resolved is not engine._NO_VALUE:
            found[key] = resolved
    return found


def nested_names(template: Template, parameters: dict[str, Any]) -> list[str]:
    """List the logical ids of the nested stacks that a template makes with these parameters."""
    conditions = engine._evaluate_conditions(template, parameters)
    return [
        name
        for name, definition in (template.get("Resources") or {}).items()
        if definition.get("Type") == STACK_TYPE and conditions.get(definition.get("Condition") or "", True)
    ]


def automatic(stack: Stack, name: str) -> dict[str, Any]:
    """The change of a nested stack whose resource stays: its template may differ (ResourceChangeDetail)."""
    return {
        "ResourceChange": {
            "Action": "Modify",
            "LogicalResourceId": name,
            "PhysicalResourceId": stack["_resources"][name]["PhysicalResourceId"],
            "ResourceType": STACK_TYPE,
            "Replacement": "False",
            "Scope": ["Properties"],
            "Details": [
                {
                    "Target": {"Attribute": "Properties", "RequiresRecreation": "Never"},
                    "Evaluation": "Dynamic",
                    "ChangeSource": "Automatic",
                }
            ],
        }
    }
