"""The Rules section of a template: the assertions that the values of parameters violate.

The functions and their meaning are CloudFormation's: https://docs.aws.amazon.com/AWSCloudFormation/latest/
UserGuide/rules-section-structure.html and intrinsic-function-reference-rules.html. Values that only AWS has,
such as the attributes of a VPC for Fn::ValueOf, are left to CloudFormation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deployments.cloudformation.conditions import MAX_DEPTH, as_text
from deployments.cloudformation.parameters import Parameter

MAX_VIOLATIONS = 50
"""Number of violations that are returned: all are errors on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """A rule's assertion, and the template's own description of it ("" if there is none)."""

    check: Any
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule; it applies if its condition is true, or always if it has none."""

    name: str
    condition: Any = None
    assertions: tuple[Assertion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A violated assertion; `parameters` are those that it uses, in their order."""

    rule: str
    description: str
    parameters: tuple[str, ...]


def violations(
    rules: Iterable[Rule], parameters: Mapping[str, Parameter], values: Mapping[str, str]
) -> list[Violation]:
    """Return the violations for which CloudFormation would reject these values, in template order."""
    scope = _Scope(parameters, values)
    found = []
    for rule in rules:
        if rule.condition is not None and scope.truth(rule.condition) is not True:
            continue
        for assertion in rule.assertions:
            if scope.truth(assertion.check) is False:
                names = tuple(_names(assertion.check, parameters))
                found.append(Violation(rule=rule.name, description=assertion.description, parameters=names))
            if len(found) == MAX_VIOLATIONS:
                return found
    return found


def _names(check: Any, parameters: Mapping[str, Parameter]) -> dict[str, None]:
    """Return the parameters that a value uses, each once, in their order in it."""
    found: dict[str, None] = {}
    types: set[str] = set()
    left = [check]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += reversed(value)
        elif isinstance(value, dict):
            for key, argument in reversed(value.items()):
                if key not in ("Ref", "Fn::RefAll"):
                    left.append(argument)
                elif not isinstance(argument, str):
                    continue
                elif key == "Ref" and argument in parameters:
                    found.setdefault(argument)
                elif key == "Fn::RefAll" and argument not in types:
                    types.add(argument)
                    found |= {p.name: None for p in parameters.values() if p.type == argument}
    return found


class _Scope:
    """The values that rules use. Every result may be None: not known here."""

    def __init__(self, parameters: Mapping[str, Parameter], values: Mapping[str, str]) -> None:
        self._parameters, self._values = parameters, values
        self._functions: dict[str, Callable[[list[Any], int], bool | None]] = {
            "Fn::And": lambda arguments, depth: self._all(arguments, depth),
            "Fn::Or": lambda arguments, depth: _not(self._all(arguments, depth, turned=True)),
            "Fn::Not": lambda arguments, depth: _not(self.truth(arguments[0], depth)),
            "Fn::Equals": self._equals,
            "Fn::Contains": self._contains,
            "Fn::EachMemberEquals": self._each_equals,
            "Fn::EachMemberIn": self._each_in,
        }

    def truth(self, value: Any, depth: int = 0) -> bool | None:
        """Return whether a rule's function is true."""
        if depth > MAX_DEPTH:
            return None
        if isinstance(value, bool):
            return value
        if not isinstance(value, dict) or len(value) != 1:
            return None
        ((function, arguments),) = value.items()
        apply = self._functions.get(str(function))
        if apply is None or not isinstance(arguments, list) or not arguments:
            return None
        return apply(arguments, depth + 1)

    def _all(self, arguments: list[Any], depth: int, *, turned: bool = False) -> bool | None:
        truths = [self.truth(one, depth) for one in arguments]
        truths = [_not(one) for one in truths] if turned else truths
        return False if False in truths else None if None in truths else True

    def _equals(self, arguments: list[Any], depth: int) -> bool | None:
        if len(arguments) != 2:
            return None
        first, second = (self._text(one) for one in arguments)
        return None if first is None or second is None else first == second

    def _contains(self, arguments: list[Any], depth: int) -> bool | None:
        members, value = self._two(arguments)
        return None if members is None or value is None else value in members

    def _each_equals(self, arguments: list[Any], depth: int) -> bool | None:
        members, value = self._two(arguments)
        return None if members is None or value is None else all(one == value for one in members)

    def _each_in(self, arguments: list[Any], depth: int) -> bool | None:
        if len(arguments) != 2:
            return None
        members, allowed = (self._list(one) for one in arguments)
        return None if members is None or allowed is None else set(members) <= set(allowed)

    def _two(self, arguments: list[Any]) -> tuple[list[str] | None, str | None]:
        return (self._list(arguments[0]), self._text(arguments[1])) if len(arguments) == 2 else (None, None)

    def _text(self, value: Any) -> str | None:
        if isinstance(value, dict):
            name = value.get("Ref") if len(value) == 1 else None
            return self._values.get(name) if isinstance(name, str) else None
        return as_text(value)

    def _list(self, value: Any) -> list[str] | None:
        if isinstance(value, list):
            return _complete([self._text(one) for one in value])
        if not isinstance(value, dict) or len(value) != 1:
            return None
        ((function, argument),) = value.items()
        if function == "Fn::RefAll":
            return _complete(
                [self._values.get(p.name) for p in self._parameters.values() if p.type == argument]
            )
        return self._members(self._parameters.get(str(argument))) if function == "Ref" else None

    def _members(self, parameter: Parameter | None) -> list[str] | None:
        """Return the members of a parameter's value; a value that is not a list is a list of one."""
        text = self._values.get(parameter.name) if parameter else None
        if parameter is None or text is None:
            return None
        if not parameter.is_list:
            return [text]
        return [one.strip() for one in text.split(",")] if text else []


def _complete(members: list[str | None]) -> list[str] | None:
    """Return the members of a list; None if one of them is not known."""
    known = [one for one in members if one is not None]
    return known if len(known) == len(members) else None


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value
