"""The nesting of a set's templates: the root, and nested templates that are missing in the set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.cloudformation.conditions import UNKNOWN, TemplateValues
from deployments.cloudformation.nested_templates import nested_in

_BUCKET = "\1"
"""Placeholder of the artifact bucket in a TemplateURL. No template has this character."""

Templates = Mapping[str, Mapping[str, Any]]
"""Parsed templates by file name."""


def root_candidates(templates: Templates) -> list[str]:
    """Return the files that may be the root: those that no other template nests.

    Parameters in the file name of a TemplateURL have their default values. Of several such files, only those
    that nest others are returned: if one has children, a template without any is unused, not the root.
    """
    children = {
        name: {nested.found_in(templates) for nested in nested_in(template, TemplateValues(template, {}))}
        - {"", name}
        for name, template in templates.items()
    }
    nested_files = set().union(*children.values())
    orphans = [name for name in templates if name not in nested_files]
    return [name for name in orphans if children[name]] or orphans


def missing_templates(templates: Templates, root: str, bucket: str, values: Mapping[str, str]) -> list[str]:
    """Return the missing files that nested stacks need with these values of the root's parameters.

    `bucket` is the parameter of the artifact bucket, "" if there is none: a TemplateURL with another bucket
    is not part of the set. Unknown parts of a name are "…".
    """
    missing: set[str] = set()
    seen: set[str] = set()

    def visit(name: str, known: Mapping[str, str | None]) -> None:
        seen.add(name)
        scope = TemplateValues(templates[name], known)
        for nested in nested_in(templates[name], scope):
            file = nested.found_in(templates)
            if not file and _BUCKET in nested.url:
                missing.add(nested.file.replace(UNKNOWN, "…"))
            if file and file not in seen:
                visit(file, {key: scope.literal(value) for key, value in nested.parameters.items()})

    visit(root, {**values, bucket: _BUCKET})
    return sorted(missing)
