"""Access to the templates for tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deployments.template_sets.template_files import yaml_files
from tests.infra.resolved_templates import TEMPLATES

NAMES = ("network", "iam", "nlb", "alb", "aurora", "app-servers", "web-servers", "configuration", "alarms")


def read(name: str) -> dict[str, Any]:
    """Return a template by its file name without the suffix."""
    return yaml_files.read(TEMPLATES / f"{name}.yaml")


def resources(name: str) -> dict[str, dict[str, Any]]:
    """Return a template's resources by their logical ids."""
    found: dict[str, dict[str, Any]] = read(name)["Resources"]
    return found


def properties(name: str, logical_id: str) -> dict[str, Any]:
    """Return the properties of a resource."""
    found: dict[str, Any] = resources(name)[logical_id]["Properties"]
    return found


def of_type(kind: str) -> list[tuple[str, str]]:
    """Return (template, logical id) of every resource of a type."""
    return [
        (name, logical_id)
        for name in ("root", *NAMES)
        for logical_id, resource in resources(name).items()
        if resource["Type"] == kind
    ]


def strings(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, value) of every string in a template."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from strings(value, f"{path}/{key}")
    elif isinstance(node, list):
        for value in node:
            yield from strings(value, path)
    elif isinstance(node, str):
        yield path, node


def get_atts(node: Any) -> Iterator[tuple[str, str]]:
    """Yield (logical id, attribute) of every Fn::GetAtt in a template, in either notation."""
    if isinstance(node, list):
        for value in node:
            yield from get_atts(value)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Fn::GetAtt":
                logical_id, _, attribute = (value if isinstance(value, str) else ".".join(value)).partition(
                    "."
                )
                yield logical_id, attribute
            else:
                yield from get_atts(value)


def as_list(value: str | list[str]) -> list[str]:
    """Return a value that may be a string or a list as a list."""
    return [value] if isinstance(value, str) else value
