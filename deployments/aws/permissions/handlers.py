"""The permissions of CloudFormation's resource handlers, from the registry's schemas that cfn-lint contains.

https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-handlers
"""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

READ: Final = "read"


@cache
def permissions(resource_type: str, operation: str) -> tuple[str, ...]:
    """Return the permissions of a type's handler ("create", "read", "update", "delete" or "list").

    A permission is an action, or a pattern such as ec2:Describe*. A type without a schema has none.
    """
    return tuple(sorted(set((_handlers(resource_type).get(operation) or {}).get("permissions") or ())))


@cache
def operations(resource_type: str) -> tuple[str, ...]:
    """Return the operations that a type has handlers for."""
    return tuple(sorted(_handlers(resource_type)))


def tags_at_creation(resource_type: str) -> bool:
    """Return whether a type's handler creates the resource with its tags instead of adding them later."""
    return bool((_schema(resource_type).get("tagging") or {}).get("tagOnCreate"))


@cache
def properties(resource_type: str) -> tuple[str, ...]:
    """Return the properties of a type."""
    return tuple(sorted(_schema(resource_type).get("properties") or ()))


def _handlers(resource_type: str) -> dict[str, Any]:
    found: dict[str, Any] = _schema(resource_type).get("handlers") or {}
    return found


@cache
def _schema(resource_type: str) -> dict[str, Any]:
    name = _names().get(resource_type)
    found: dict[str, Any] = {}
    if name:
        found = json.loads((_folder() / "resources" / f"{name}.json").read_text())
    return found


@cache
def _names() -> dict[str, str]:
    """Return the names of the schemas' files, by type. The region makes no difference to permissions."""
    found: dict[str, str] = json.loads((_folder() / "providers" / "us-east-1.json").read_text())
    return found


@cache
def _folder() -> Path:
    package = find_spec("cfnlint")  # found and not imported, which takes a second
    if package is None or package.origin is None:
        raise ModuleNotFoundError("cfnlint")
    return Path(package.origin).parent / "data" / "schemas"
