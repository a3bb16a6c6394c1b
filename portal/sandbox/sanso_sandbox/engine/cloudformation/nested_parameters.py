"""The parameters of nested change sets, which CloudFormation validates before all values are known.

A parameter that an output feeds gets a literal placeholder, and is validated with it. Whether AWS compares
AllowedPattern with the placeholder is uncertain: engine/readings.py has both readings.
Sources: https://github.com/aws-cloudformation/cfn-language-discussion/issues/152 (the placeholder),
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/759 (Fn::Select) and
https://github.com/aws-cloudformation/rain/issues/526 (patterns).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ministack.services.cloudformation import engine

from sanso_sandbox.engine import readings
from sanso_sandbox.engine.cloudformation import placeholders, templates
from sanso_sandbox.engine.cloudformation.store import Template

_FROM_PARAMETER_STORE = "AWS::SSM::Parameter::Value<"
_IDS = re.compile(r"::Id>?$")
_FETCH = "Unable to fetch parameters [{value}] from parameter store for this account."
_SELECT = "Template error: Fn::Select  cannot select nonexistent value at index {index}"


def resolved(template: Template, properties: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a nested change set, resolved from the properties of its stack.

    Raises ValueError with AWS's message for a value or a placeholder that is invalid for its parameter.
    """
    given = properties.get("Parameters") or {}
    unknown = {name: str(value) for name, value in given.items() if placeholders.is_unknown(value)}
    declared = template.get("Parameters") or {}
    for name, value in unknown.items():
        if str((declared.get(name) or {}).get("Type", "")).startswith(_FROM_PARAMETER_STORE):
            raise ValueError(_FETCH.format(value=value))
    plain = {name: _declared(about) if name in unknown else about for name, about in declared.items()}
    template = {**template, "Parameters": plain}
    return templates.nested_parameters(template, {**properties, "Parameters": given | unknown})


def _declared(about: dict[str, Any]) -> dict[str, Any]:
    """Return the declaration for validating a parameter with a placeholder: only known ids must exist."""
    if not readings.strict("patterns_match_placeholders"):
        return {"Type": "String", "NoEcho": about.get("NoEcho", False)}
    return {**about, "Type": "String"} if _IDS.search(str(about.get("Type", ""))) else about


def check_selections(block: Any, is_unknown: Callable[[str, str | None], bool]) -> None:
    """Raise ValueError if Fn::Select takes another element than the first of an unknown list.

    Args:
        is_unknown: returns whether a reference, a name with or without an attribute, is unknown.
    """
    for index, items in _selections(block):
        if index and any(is_unknown(*reference) for reference in engine._intrinsic_references(items)):
            raise ValueError(_SELECT.format(index=index))


def unknown_among(parameters: Mapping[str, Any]) -> Callable[[str, str | None], bool]:
    """Return a predicate that tells whether a reference is a parameter with a placeholder."""
    names = {name for name, found in parameters.items() if placeholders.is_unknown(found["Value"])}
    return lambda name, attribute: attribute is None and name in names


def _selections(block: Any) -> Iterator[tuple[int, Any]]:
    if isinstance(block, list):
        for part in block:
            yield from _selections(part)
    elif isinstance(block, dict):
        selection = block.get("Fn::Select")
        if isinstance(selection, list) and len(selection) == 2 and str(selection[0]).isdigit():
            yield int(selection[0]), selection[1]
        for part in block.values():
            yield from _selections(part)
