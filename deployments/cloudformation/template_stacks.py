"""The stacks of a template set with their parameter values, for comparing changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.cloudformation.conditions import TemplateValues, mapping
from deployments.cloudformation.nested_templates import StackLimit, nested_in

DEEPEST = 8
"""Maximum depth of nested templates to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSide:
    """A template set on one side of a change: parsed templates by file, and the root stack's values."""

    templates: Mapping[str, Mapping[str, Any]]
    root: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateStack:
    """One stack: its template, the values known beforehand, and the parameters from its parent."""

    path: str
    file: str
    template: Mapping[str, Any]
    scope: TemplateValues
    passed: Mapping[str, Any]

    @property
    def resources(self) -> Mapping[str, Any]:
        """Return the bodies of the resources that its conditions include."""
        declared = mapping(self.template.get("Resources"))
        return {
            str(name): body
            for name, body in declared.items()
            if isinstance(body, dict) and self.scope.condition(body.get("Condition")) is not False
        }

    def at(self, name: str) -> str:
        """Return the path of a resource of this stack."""
        return f"{self.path}/{name}" if self.path else name


def stacks_of(side: TemplateSide) -> dict[str, TemplateStack]:
    """Return the stacks of a template set by their path, "" for the root."""
    found: dict[str, TemplateStack] = {}
    _read(side.templates, "", side.root, side.values, {}, found, StackLimit())
    return found


def _read(
    templates: Mapping[str, Mapping[str, Any]],
    path: str,
    file: str,
    values: Mapping[str, str | None],
    passed: Mapping[str, Any],
    found: dict[str, TemplateStack],
    limit: StackLimit,
) -> None:
    template = templates.get(file) or {}
    if not limit.takes(template):
        return
    scope = TemplateValues(template, values)
    found[path] = stack = TemplateStack(path=path, file=file, template=template, scope=scope, passed=passed)
    if path.count("/") >= DEEPEST:
        return
    for nested in nested_in(template, scope):
        known = {name: scope.literal(value) for name, value in nested.parameters.items()}
        at = stack.at(nested.stack)
        _read(templates, at, nested.found_in(templates), known, nested.parameters, found, limit)
