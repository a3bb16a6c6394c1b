"""Nested stacks: the stack of an AWS::CloudFormation::Stack, and the runs that create or update it."""

import copy
import secrets
import string
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import engine, provisioners

from sanso_sandbox.engine.cloudformation import events, store, templates, values
from sanso_sandbox.engine.cloudformation.run import Run
from sanso_sandbox.engine.cloudformation.store import Stack

# The parts of a stack's record that an update changes and a rollback restores.
RESTORED = (
    "_resources",
    "_template",
    "_template_body",
    "_resolved_params",
    "_conditions",
    "Description",
    "Parameters",
    "Tags",
    "Capabilities",
    "NotificationARNs",
    "Outputs",
)


def new_run(parent: Run, logical_id: str, properties: dict[str, Any]) -> Run:
    """Return the run that creates a nested stack, and store the stack's record.

    Raises ValueError with the reason if its template or parameters are invalid.
    """
    planned = planned_change_set(parent.stack, logical_id)
    stack = store.stacks.by_id.get(planned["StackId"]) if planned else None
    body = planned["_template_body"] if planned else templates.fetch(properties)
    template = templates.parsed(body)
    templates.check_capabilities(template, parent.stack["Capabilities"])
    parameters = templates.nested_parameters(template, properties)
    templates.validate(template, parameters)
    if stack is None:
        stack = new_stack(parent.stack, logical_id)
    describe(stack, template, body, parameters, properties, parent.stack)
    events.begin_operation(stack, "CREATE_STACK")
    return Run(
        stack,
        template,
        parameters,
        disable_rollback=parent.disable_rollback,
        retain_except_on_create=parent.retain_except_on_create,
        parent=parent,
    )


def planned_change_set(parent: Stack, logical_id: str) -> dict[str, Any] | None:
    """Return the nested change set that is being executed for a nested stack, None if there is none."""
    change_set_id = (parent.get("_planned") or {}).get(logical_id)
    found: dict[str, Any] | None = cloudformation._change_sets.get(change_set_id or "")
    return found


def new_stack(parent: Stack, logical_id: str, status: str = "CREATE_IN_PROGRESS") -> Stack:
    """Store and return the empty record of a nested stack, with its parent at any depth."""
    suffix = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(13))
    return store.new_stack(f"{parent['StackName']}-{logical_id}-{suffix}", status, parent)


def describe(
    stack: Stack,
    template: dict[str, Any],
    body: str,
    parameters: dict[str, Any],
    properties: dict[str, Any],
    parent: Stack,
) -> None:
    """Set the template, the parameters and the values from the parent on a nested stack's record."""
    values.remember_secrets(stack, parameters)
    stack.update(
        Description=template.get("Description", ""),
        Parameters=templates.listed(parameters),
        Tags=_tags(properties),
        NotificationARNs=list(properties.get("NotificationARNs") or ()),
        Capabilities=list(parent.get("Capabilities") or ()),
        _template=template,
        _template_body=body,
        _resolved_params=parameters,
        _conditions=engine._evaluate_conditions(template, parameters),
    )


def _tags(properties: dict[str, Any]) -> list[dict[str, str]]:
    tags = provisioners._tag_map(properties.get("Tags"))
    return [{"Key": key, "Value": value} for key, value in tags.items() if not key.startswith("aws:")]


def snapshot(stack: Stack) -> dict[str, Any]:
    """Return a copy of the parts of a stack's record that an update may change."""
    return {key: copy.deepcopy(stack[key]) for key in RESTORED if key in stack}


def outputs_of(stack: Stack) -> dict[str, str]:
    """Return a nested stack's outputs by the attributes that Fn::GetAtt reads in the parent."""
    return {f"Outputs.{output['OutputKey']}": output["OutputValue"] for output in stack["Outputs"]}


def update_run(parent: Run, logical_id: str, stack: Stack, properties: dict[str, Any]) -> Run | None:
    """Return the run that updates a nested stack, or None if neither it nor a stack below it changes.

    Raises ValueError with the reason if its new template or parameters are invalid.
    """
    planned = planned_change_set(parent.stack, logical_id)
    body = planned["_template_body"] if planned else templates.fetch(properties)
    template = templates.parsed(body)
    templates.check_capabilities(template, parent.stack["Capabilities"])
    parameters = templates.nested_parameters(template, properties)
    templates.validate(template, parameters)
    if not (
        template != stack["_template"]
        or templates.values(parameters) != templates.values(stack["_resolved_params"])
        or _tags(properties) != stack["Tags"]
        or stack["StackStatus"].endswith("FAILED")
        or changed_below(stack, template, parameters)
    ):
        return None
    previous = snapshot(stack)
    describe(stack, template, body, parameters, properties, parent.stack)
    events.begin_operation(stack, "UPDATE_STACK")
    return Run(
        stack,
        template,
        parameters,
        previous=previous,
        disable_rollback=parent.disable_rollback,
        retain_except_on_create=parent.retain_except_on_create,
        parent=parent,
    )


def changed_below(stack: Stack, template: dict[str, Any], parameters: dict[str, Any]) -> bool:
    """Return whether the template of a stack below this one, at any depth, differs from the deployed one.

    A template at the same URL may have changed although its parent's has not; AWS compares each of them.
    """
    for child in store.children_of(stack):
        logical_id = logical_id_of(stack, child)
        definition = (template.get("Resources") or {}).get(logical_id or "")
        if logical_id is None or definition is None or child["StackStatus"] == "DELETE_COMPLETE":
            continue
        properties = templates.resolved_properties(stack, template, parameters, definition)
        try:
            body = templates.fetch(properties)
            found = templates.parsed(body)
        except ValueError:
            return True  # the update will fail with this error and report it
        if found != child["_template"] or changed_below(child, found, child["_resolved_params"]):
            return True
    return False


def logical_id_of(parent: Stack, child: Stack) -> str | None:
    """Return the logical id of a nested stack in its parent."""
    for logical_id, record in parent["_resources"].items():
        if record["PhysicalResourceId"] == child["StackId"]:
            return str(logical_id)
    return None
