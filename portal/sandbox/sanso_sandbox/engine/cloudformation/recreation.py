"""The properties of resource types that require replacement, from the schemas that AWS publishes."""

import functools
import importlib.resources
import json
from collections.abc import Mapping
from typing import Any

from ministack.services.cloudformation import provisioners

ALWAYS, CONDITIONALLY, NEVER = "Always", "Conditionally", "Never"
CUSTOM = "AWS::CloudFormation::CustomResource"


def required(resource_type: str, name: str) -> str:
    """Return the RequiresRecreation of a property: Always, Conditionally or Never.

    MiniStack's table has priority, since updates use it. Most types are only in the schemas, whose
    createOnlyProperties are those with "Update requires: Replacement" in the template reference.
    """
    if resource_type in provisioners._REPLACING_PROPERTIES:
        found: str = provisioners._property_recreation(resource_type, name)
        return found
    if is_custom(resource_type):
        resource_type = CUSTOM
    always, conditionally = _of_schema(resource_type)
    if name in always:
        return ALWAYS
    return CONDITIONALLY if name in conditionally else NEVER


def is_custom(resource_type: str) -> bool:
    """Return whether the type is one of custom resources, which a function provides."""
    return resource_type == CUSTOM or resource_type.startswith("Custom::")


def is_required(resource_type: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether the change from old to new properties always replaces the resource."""
    return any(
        required(resource_type, name) == ALWAYS
        for name in old.keys() | new.keys()
        if old.get(name) != new.get(name)
    )


@functools.cache
def _of_schema(resource_type: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return (createOnlyProperties, conditionalCreateOnlyProperties) of a type from cfn-lint's schemas."""
    folder = importlib.resources.files("cfnlint").joinpath("data", "schemas")
    index = json.loads(folder.joinpath("providers", "us-east-1.json").read_text())
    if resource_type not in index:
        return frozenset(), frozenset()
    schema = json.loads(folder.joinpath("resources", f"{index[resource_type]}.json").read_text())
    always = {
        path.split("/")[2:][0] for path in schema.get("createOnlyProperties", ()) if path.count("/") == 2
    }
    nested = {path.split("/")[2] for path in schema.get("createOnlyProperties", ()) if path.count("/") > 2}
    conditionally = {path.split("/")[2] for path in schema.get("conditionalCreateOnlyProperties", ())}
    return frozenset(always), frozenset(conditionally | nested)
