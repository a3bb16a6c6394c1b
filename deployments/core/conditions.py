"""The values of a template's conditions, as far as its parameters' values are known beforehand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 40
"""A value that is nested deeper counts as unknown. Only the parser of templates has a limit of its own."""
IN_SUB = re.compile(r"\$\{([^!${}][^${}]*)\}")


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty one: a template may contain anything."""
    return value if isinstance(value, dict) else {}


class Scope:
    """One template with the values of its parameters (None: not known before the stack is created)."""

    def __init__(self, template: Mapping[str, Any], values: Mapping[str, str | None]) -> None:
        self.conditions = mapping(template.get("Conditions"))
        self.mappings = mapping(template.get("Mappings"))
        self.values: dict[str, str | None] = {}
        for name, declared in mapping(template.get("Parameters")).items():
            default = mapping(declared).get("Default")
            self.values[str(name)] = _text(default) if values.get(name) is None else values[name]
        self._known: dict[str, bool | None] = {}

    def condition(self, name: Any) -> bool | None:
        """Return the value of a condition, None if it is unknown. The value of a cycle is unknown."""
        if not isinstance(name, str):
            return None
        if name not in self._known:
            self._known[name] = None
            self._known[name] = self._truth(self.conditions.get(name), 0)
        return self._known[name]

    def _truth(self, value: Any, depth: int) -> bool | None:
        if not isinstance(value, dict) or len(value) != 1 or depth > MAX_DEPTH:
            return None
        ((function, argument),) = value.items()
        if function == "Condition":
            return self.condition(argument)
        parts = argument if isinstance(argument, list) else [argument]
        if function == "Fn::Equals" and len(parts) == 2:
            left, right = (self.literal(part, depth + 1) for part in parts)
            return None if left is None or right is None else left == right
        return _combined(function, [self._truth(part, depth + 1) for part in parts])

    def literal(self, value: Any, depth: int = 0) -> str | None:
        """Return a value as a text, None if it is not known beforehand."""
        if depth > MAX_DEPTH or value is None:
            return None
        if not isinstance(value, dict):
            return _text(value)
        if len(value) != 1:
            return None
        ((function, argument),) = value.items()
        if isinstance(argument, str):
            return self._of_text(function, argument)
        if isinstance(argument, list) and len(argument) == 3:
            return self._of_three(function, argument, depth)
        return None

    def _of_text(self, function: Any, argument: str) -> str | None:
        if function == "Ref":
            return self.values.get(argument)
        return self._substituted(argument) if function == "Fn::Sub" else None

    def _of_three(self, function: Any, argument: list[Any], depth: int) -> str | None:
        if function == "Fn::If":
            truth = self.condition(argument[0])
            return None if truth is None else self.literal(argument[1 if truth else 2], depth + 1)
        return self._found(argument, depth) if function == "Fn::FindInMap" else None

    def _substituted(self, text: str) -> str | None:
        known = {name: self.values.get(name) for name in IN_SUB.findall(text)}
        if None in known.values():
            return None
        return IN_SUB.sub(lambda match: known[match[1]] or "", text).replace("${!", "${")

    def _found(self, argument: list[Any], depth: int) -> str | None:
        keys = [self.literal(part, depth + 1) for part in argument]
        at: Any = self.mappings
        for key in keys:
            at = mapping(at).get(key or "")
        return _text(at)


def _combined(function: Any, truths: list[bool | None]) -> bool | None:
    """Return the result of Fn::Not, Fn::And or Fn::Or, None if it is unknown."""
    if function == "Fn::Not" and len(truths) == 1:
        return None if truths[0] is None else not truths[0]
    decisive = {"Fn::And": False, "Fn::Or": True}.get(str(function))
    if decisive is None:
        return None
    if decisive in truths:
        return decisive
    return None if None in truths else not decisive


def _text(value: Any) -> str | None:
    """Return a string, number or boolean as CloudFormation writes it, None for other values."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None
