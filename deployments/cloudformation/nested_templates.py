"""The stacks of a template set: the file of each by its TemplateURL, and the values of its parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployments.cloudformation.conditions import UNKNOWN, TemplateValues, mapping

STACK = "AWS::CloudFormation::Stack"
MAX_STACKS = 2500
"""Maximum number of stacks of a set that are read: a hierarchy of stacks may have as many resources,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
MAX_VALUES = 2_000_000
"""Maximum number of values in their templates, counted for each stack: one template has up to 200,000."""


@dataclass(frozen=True, slots=True)
class NestedTemplate:
    """A nested stack of one template: its logical id, its TemplateURL, and its parameters.

    The URL has UNKNOWN in place of the parts that are not known beforehand.
    """

    stack: str
    url: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Return the file name that the URL ends in."""
        return self.url.partition("?")[0].rpartition("/")[2]

    def found_in(self, files: Collection[str]) -> str:
        """Return the matching file of the set; "" if it is missing or cannot be determined.

        A partly known name matches if exactly one file fits: `${Prefix}-vpc.yaml` without a value of
        Prefix means `fa-094-vpc.yaml` if no other file ends in `-vpc.yaml`.
        """
        if UNKNOWN not in self.file:
            return self.file if self.file in files else ""
        if not self.file.replace(UNKNOWN, ""):
            return ""
        known = self.file.split(UNKNOWN)
        fitting = [name for name in files if _fits(name, known)]
        return fitting[0] if len(fitting) == 1 else ""


def _fits(name: str, known: Sequence[str]) -> bool:
    """Return whether a name has the known parts in their order, each unknown one between them not empty.

    The first place of each part leaves the most for the next ones, so that no other needs to be tried.
    """
    first, *between, last = known
    at, end = len(first), len(name) - len(last)
    if not name.startswith(first) or not name.endswith(last):
        return False
    for part in between:
        found = name.find(part, at + 1, end)
        if found < 0:
            return False
        at = found + len(part)
    return at < end


class StackLimit:
    """How many stacks of a set are read, and values in their templates: a template may nest itself."""

    def __init__(self) -> None:
        self._stacks, self._values = MAX_STACKS, MAX_VALUES
        self._sizes: dict[int, int] = {}

    def takes(self, template: Mapping[str, Any]) -> bool:
        """Return whether a stack of this template can still be read, and count it."""
        if id(template) not in self._sizes:
            self._sizes[id(template)] = _size(template)
        self._stacks, self._values = self._stacks - 1, self._values - self._sizes[id(template)]
        return self._stacks >= 0 and self._values >= 0


def _size(template: Mapping[str, Any]) -> int:
    """Return the number of values in a template, at least 1."""
    count, left = 1, [template]
    while left:
        one: Any = left.pop()
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        count += len(inside)
        left += inside
    return count


def nested_in(template: Mapping[str, Any], scope: TemplateValues) -> Iterator[NestedTemplate]:
    """Yield the nested stacks that a template creates with the parameters of the scope."""
    for name, body in mapping(template.get("Resources")).items():
        if not isinstance(body, dict) or body.get("Type") != STACK:
            continue
        if scope.condition(body.get("Condition")) is not False:
            yield nested_template(str(name), body, scope)


def nested_template(name: str, body: Mapping[str, Any], scope: TemplateValues) -> NestedTemplate:
    """Return the nested template of a resource of the type STACK."""
    properties = mapping(body.get("Properties"))
    parameters = {str(key): value for key, value in mapping(properties.get("Parameters")).items()}
    return NestedTemplate(name, scope.partial(properties.get("TemplateURL")), parameters)


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
