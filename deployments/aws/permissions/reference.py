"""The Service Authorization Reference: access levels, resource types, dependent actions and condition keys.

reference.json has the rows of the services that Sanso uses; `make authorization-reference` writes it.
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("reference.json")
_READS: Final = ("Read", "List")
_READ_NAMES: Final = ("Describe", "Get", "List")


@dataclass(frozen=True, slots=True)
class ActionRow:
    """A row of the reference. `keys` contains those of the action's resource types as well."""

    level: str  # Read, List, Write, Tagging or Permissions management
    required: tuple[str, ...]
    optional: tuple[str, ...]
    dependent: tuple[str, ...]
    keys: frozenset[str]

    @property
    def types(self) -> tuple[str, ...]:
        """The resource types that the action supports; without any, a policy must allow it on "*"."""
        return (*self.required, *self.optional)


def find(action: str) -> ActionRow | None:
    """Return the row of an action, None if the reference does not know it."""
    service, _colon, name = action.partition(":")
    return _actions(service).get(name)


def knows(service: str) -> bool:
    """Return whether reference.json has the rows of a service."""
    return service in _services()


@cache
def members(pattern: str) -> tuple[str, ...]:
    """Return the actions that a pattern such as ec2:Describe* matches; an action itself is one."""
    service, _colon, name = pattern.partition(":")
    if "*" not in name:
        return (pattern,) if name in _actions(service) else ()
    return tuple(f"{service}:{found}" for found in _actions(service) if fnmatchcase(found, name))


@cache
def is_read(pattern: str) -> bool:
    """Return whether an action, or every action that a pattern matches, only reads."""
    found = members(pattern)
    if not found:
        return pattern.partition(":")[2].startswith(_READ_NAMES)
    return all(_is_read(one) for one in found)


def arn(service: str, resource_type: str) -> str:
    """Return the format of a resource type's ARN, with placeholders such as ${Account}."""
    return str(_types(service)[resource_type]["arn"])


def _is_read(action: str) -> bool:
    row = find(action)
    return row is not None and row.level in _READS


@cache
def _actions(service: str) -> Mapping[str, ActionRow]:
    types = _types(service)
    return {
        name: ActionRow(
            level=row["level"],
            required=tuple(row.get("required", ())),
            optional=tuple(row.get("optional", ())),
            dependent=tuple(row.get("dependent", ())),
            keys=frozenset(row.get("keys", ())).union(
                *(types[kind]["keys"] for kind in (*row.get("required", ()), *row.get("optional", ())))
            ),
        )
        for name, row in _services().get(service, {"actions": {}})["actions"].items()
    }


def _types(service: str) -> dict[str, Any]:
    found: dict[str, Any] = _services().get(service, {}).get("types", {})
    return found


@cache
def _services() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())["services"]
    return found
