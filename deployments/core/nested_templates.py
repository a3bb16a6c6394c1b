"""The file of a template set that a nested stack is created from, by its TemplateURL."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.core.conditions import UNKNOWN, TemplateValues, mapping

STACK = "AWS::CloudFormation::Stack"


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
        pattern = re.compile(".+".join(re.escape(known) for known in self.file.split(UNKNOWN)))
        fitting = [name for name in files if pattern.fullmatch(name)]
        return fitting[0] if len(fitting) == 1 else ""


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
