"""Placeholders for values that are unknown before an update or a creation, and properties with them."""

import copy
import re
from collections.abc import Mapping
from typing import Any, Final

from ministack.services.cloudformation import engine

from sanso_sandbox.engine.cloudformation import store
from sanso_sandbox.engine.cloudformation.store import Record, Stack, Template

# AWS's text in descriptions for a value that is known only after the execution.
LATER: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"
MASK: Final = "****"

# The literal value of such a parameter in a nested stack:
# https://github.com/aws-cloudformation/cfn-language-discussion/issues/152
UNKNOWN: Final = re.compile(r"\{\{IntrinsicFunction:[^}]*\}\}")


def is_unknown(value: object) -> bool:
    """Return whether a value contains a placeholder."""
    return UNKNOWN.search(str(value)) is not None


def shown(value: Any) -> Any:
    """Return a property's value with KNOWN_AFTER_APPLY for each placeholder in it."""
    if isinstance(value, str):
        return UNKNOWN.sub(LATER, value)
    if isinstance(value, list):
        return [shown(part) for part in value]
    if isinstance(value, dict):
        return {key: shown(part) for key, part in value.items()}
    return value


class _Unknown(dict[str, Any]):
    """The attributes of a resource that are known only after the execution; each value is a placeholder."""

    def __init__(self, stack: Stack, logical_id: str) -> None:
        super().__init__()
        self._owner = f"{stack['StackName']}/{logical_id}"

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> str:
        return f"{{{{IntrinsicFunction:{self._owner}.{name}/Fn::GetAtt}}}}"


def complete_record(stack: Stack, logical_id: str) -> Record | None:
    """Return the record of an existing resource; None if its creation failed, except for nested stacks."""
    record: Record | None = stack["_resources"].get(logical_id)
    if record is None or record["ResourceStatus"] != "CREATE_FAILED" or store.is_unfinished(record):
        return record
    return None


def properties(
    stack: Stack,
    template: Template,
    parameters: Mapping[str, Any],
    logical_id: str,
    changing: Mapping[str, str] | None = None,
    *,
    mask: bool = False,
) -> dict[str, Any]:
    """Return a resource's properties, resolved with a template and parameters.

    Args:
        changing: the resources whose attributes may change, with their Replacement; None for the stack's
            current state. Replaced resources, and those that do not exist, have no known id either.
        mask: mask the values of NoEcho parameters, which AWS never returns.
    """
    resources = _resources(stack, template, changing)
    conditions = engine._evaluate_conditions(template, parameters)
    readable = _masked(parameters) if mask else parameters
    found = {}
    for key, value in (template["Resources"][logical_id].get("Properties") or {}).items():
        try:
            resolved = engine._resolve_refs(
                copy.deepcopy(value),
                resources,
                readable,
                conditions,
                template.get("Mappings") or {},
                stack["StackName"],
                stack["StackId"],
            )
        except (ValueError, IndexError, KeyError, TypeError):
            resolved = LATER  # a new attribute, or a part of an unknown value
        if resolved is not engine._NO_VALUE:
            found[key] = resolved
    return found


def _resources(stack: Stack, template: Template, changing: Mapping[str, str] | None) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for name in template.get("Resources") or {}:
        record = complete_record(stack, name)
        new_id = f"{{{{IntrinsicFunction:{stack['StackName']}/{name}/Ref}}}}"
        if record is None:
            found[name] = {"PhysicalResourceId": new_id, "Attributes": _Unknown(stack, name)}
        elif changing is not None and name in changing:
            same = changing[name] == "False"
            physical_id = record["PhysicalResourceId"] if same else new_id
            found[name] = {"PhysicalResourceId": physical_id, "Attributes": _Unknown(stack, name)}
        else:
            found[name] = record
    return found


def _masked(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {**found, "Value": MASK} if found.get("NoEcho") else found for name, found in parameters.items()
    }
