"""Rejected change sets: the nested stack at fault, and whether only nested change sets were refused.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/change-sets-for-nested-stacks.html: the root
change set fails with the reason of a nested one, or with a reference to it.

CloudFormation computes nested change sets before the outputs of other nested stacks are known, and checks
parameters and functions with placeholders:
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/759 (Fn::Select),
https://github.com/aws-cloudformation/cfn-language-discussion/issues/152 (the placeholder) and
https://github.com/aws-cloudformation/rain/issues/526 (patterns). Without nested change sets, the same update
is accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from deployments.cloudformation.conditions import TemplateValues, mapping
from deployments.cloudformation.nested_templates import TemplateStack, nested_in

MAX_DEPTH = 8
NESTED = re.compile(r"Nested change set (?P<arn>arn:\S+) was not successfully created")
"""The reference to the failed nested change set, whose reason has the cause."""
_PARAMETERS = re.compile(r"Parameters: \[(?P<names>[^\]]+)\] (?P<problem>must have values|do not exist)")
_MISSING = re.compile(r"specified key does not exist", re.IGNORECASE)
_UNRESOLVED = re.compile(r"Unresolved resource dependencies \[(?P<names>[^\]]+)\]")


@dataclass(frozen=True, slots=True)
class NestedStack:
    """A nested stack: its path of logical ids below the root, and the file name of its template."""

    path: str
    file: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    stack: NestedStack
    template: Mapping[str, Any] | None  # None: the set has no such file
    given: frozenset[str]

    def fits(self, reason: str) -> bool:
        """Return whether this stack can be the cause of CloudFormation's reason."""
        if _MISSING.search(reason):
            return self.template is None
        declared = mapping(mapping(self.template).get("Parameters"))
        if found := _PARAMETERS.search(reason):
            names = {name.strip() for name in found["names"].split(",")}
            if found["problem"] == "do not exist":
                return names <= self.given - set(declared)
            required = {name for name, about in declared.items() if "Default" not in mapping(about)}
            return names <= required - self.given
        if found := _UNRESOLVED.search(reason):
            names = {name.strip() for name in found["names"].split(",")}
            known = {*declared, *mapping(mapping(self.template).get("Resources"))}
            return self.template is not None and not names & known
        return False


def rejected_stack(
    templates: Mapping[str, Any], root: str, parameters: Mapping[str, str], reason: str
) -> NestedStack | None:
    """Return the only nested stack that fits a reason; None if it may be the root or several.

    `templates` are parsed templates by file name, `root` is the name of the root template.
    """
    top = mapping(templates.get(root))
    own = _Candidate(NestedStack("", root), top, frozenset(parameters))
    if own.fits(reason):
        return None
    found = [one.stack for one in _nested(templates, top, dict(parameters), "") if one.fits(reason)]
    return found[0] if len(found) == 1 else None


def nested_stack_at(
    templates: Mapping[str, Any], root: str, parameters: Mapping[str, str], path: str
) -> NestedStack:
    """Return the nested stack at a path of logical ids; without a file name if the set has none."""
    every = _nested(templates, mapping(templates.get(root)), dict(parameters), "")
    return next((one.stack for one in every if one.stack.path == path), NestedStack(path, ""))


def _nested(
    templates: Mapping[str, Any], template: Mapping[str, Any], values: Mapping[str, str | None], around: str
) -> Iterator[_Candidate]:
    if around.count("/") >= MAX_DEPTH:
        return
    scope = TemplateValues(template, values)
    for nested in nested_in(template, scope):
        path = f"{around}/{nested.stack}".lstrip("/")
        file = nested.found_in(templates)
        body = templates.get(file) if file else None
        yield _Candidate(NestedStack(path, file or nested.file), body, frozenset(nested.parameters))
        known = {name: scope.literal(value) for name, value in nested.parameters.items()}
        yield from _nested(templates, mapping(body), known, path)


def logical_path(stack_names: tuple[str, ...]) -> str:
    """Return the path of logical ids of a nested stack from the names of the stacks from the root down to it.

    CloudFormation names a nested stack after its parent: `root-Network-1ABCDEFGHIJKL`.
    """
    parts = []
    for parent, name in pairwise(stack_names):
        parts.append(name.removeprefix(f"{parent}-").rpartition("-")[0] or name)
    return "/".join(parts)


_PLACEHOLDER = "{{IntrinsicFunction:"
_SELECT = re.compile(r"Fn::Select\s+cannot select", re.IGNORECASE)
_MISSING_VALUE = re.compile(r"must have values|do not exist in the template", re.IGNORECASE)
_NAME = re.compile(r"\w+")


def is_of_nesting(reason: str, path: str, stacks: Mapping[str, TemplateStack]) -> bool:
    """Return whether a change set without nested ones would not fail for this reason.

    `path` is the nested stack of the reason, "" if CloudFormation does not report it; `stacks` are those of
    the template set with the values of the request.
    """
    if _PLACEHOLDER in reason:
        return True
    about = [stacks[path]] if path in stacks and path else [one for at, one in stacks.items() if at]
    if _SELECT.search(reason):
        return any(_unknown_in(one, stacks) for one in about)
    if _MISSING_VALUE.search(reason):
        return False
    named = set(_NAME.findall(reason))
    return any(named & _unknown_in(one, stacks) for one in about)


def _unknown_in(stack: TemplateStack, stacks: Mapping[str, TemplateStack]) -> set[str]:
    """Return the parameters of a nested stack whose values come from outputs, not known beforehand."""
    parent = stacks[stack.path.rpartition("/")[0]].scope
    declared = mapping(stack.template.get("Parameters"))
    return {
        name for name, value in stack.passed.items() if name in declared and parent.literal(value) is None
    }
