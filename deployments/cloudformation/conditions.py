"""The values of a template's conditions, as far as its parameters' values are known beforehand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

MAX_DEPTH = 40
"""Values nested deeper count as unknown. The template parser has its own limit."""
UNKNOWN = "\0"
"""Placeholder for unknown parts of a text. No template contains this character."""
MAX_TEXT = 10_000
"""Longer texts count as unknown: a few functions can repeat a text without end."""
IN_SUB = re.compile(r"\$\{([^!${}][^${}]*)\}")


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty one: a template may contain anything."""
    return value if isinstance(value, dict) else {}


class TemplateValues:
    """One template with the values of its parameters (None: not known before the stack is created)."""

    def __init__(self, template: Mapping[str, Any], values: Mapping[str, str | None]) -> None:
        self.conditions = mapping(template.get("Conditions"))
        self.mappings = mapping(template.get("Mappings"))
        self.values: dict[str, str | None] = {}
        for name, declared in mapping(template.get("Parameters")).items():
            default = mapping(declared).get("Default")
            self.values[str(name)] = as_text(default) if values.get(name) is None else values[name]
        self._known: dict[str, bool | None] = {}

    def condition(self, name: Any, depth: int = 0) -> bool | None:
        """Return the value of a condition, None if it is unknown. The value of a cycle is unknown."""
        if not isinstance(name, str) or depth > MAX_DEPTH:
            return None
        if name not in self._known:
            self._known[name] = None
            self._known[name] = self._truth(self.conditions.get(name), depth)
        return self._known[name]

    def _truth(self, value: Any, depth: int) -> bool | None:
        if not isinstance(value, dict) or len(value) != 1 or depth > MAX_DEPTH:
            return None
        ((function, argument),) = value.items()
        if function == "Condition":
            return self.condition(argument, depth + 1)
        parts = argument if isinstance(argument, list) else [argument]
        if function == "Fn::Equals" and len(parts) == 2:
            left, right = (self.literal(part, depth + 1) for part in parts)
            return None if left is None or right is None else left == right
        return _combined(function, [self._truth(part, depth + 1) for part in parts])

    def literal(self, value: Any, depth: int = 0) -> str | None:
        """Return the text that a value evaluates to; None if it is not known beforehand."""
        if value is None:
            return None
        text = self.partial(value, depth)
        return None if UNKNOWN in text else text

    def partial(self, value: Any, depth: int = 0) -> str:
        """Return the text that a value evaluates to, with UNKNOWN in place of unknown parts."""
        if depth > MAX_DEPTH:
            return UNKNOWN
        if not isinstance(value, dict):
            return _or_unknown(as_text(value))
        if len(value) != 1:
            return UNKNOWN
        ((function, argument),) = value.items()
        if function == "Ref" and isinstance(argument, str):
            return _or_unknown(self.values.get(argument))
        if function == "Fn::Sub":
            return self._substituted(argument, depth)
        if isinstance(argument, list):
            return self._of_list(function, argument, depth)
        return UNKNOWN

    def _of_list(self, function: Any, argument: list[Any], depth: int) -> str:
        if function == "Fn::If" and len(argument) == 3:
            truth = self.condition(argument[0], depth + 1)
            return UNKNOWN if truth is None else self.partial(argument[1 if truth else 2], depth + 1)
        if function == "Fn::FindInMap" and len(argument) == 3:
            return _or_unknown(self._found(argument, depth))
        if function == "Fn::Join" and len(argument) == 2 and isinstance(argument[1], list):
            separator = self.partial(argument[0], depth + 1)
            return _within_limit(
                piece
                for number, part in enumerate(argument[1])
                for piece in (separator if number else "", self.partial(part, depth + 1))
            )
        return UNKNOWN

    def _substituted(self, argument: Any, depth: int) -> str:
        """Return the text of Fn::Sub, in both of its forms: a text, or a text with its own variables."""
        text: Any = argument
        own: Mapping[str, Any] = {}
        if isinstance(argument, list) and len(argument) == 2:
            text, own = argument[0], mapping(argument[1])
        if not isinstance(text, str):
            return UNKNOWN

        @cache
        def value_of(name: str) -> str:
            return self.partial(own[name], depth + 1) if name in own else _or_unknown(self.values.get(name))

        def pieces(text: str) -> Iterator[str]:
            end = 0
            for match in IN_SUB.finditer(text):
                yield text[end : match.start()]
                yield value_of(match[1].strip())
                end = match.end()
            yield text[end:]

        return _within_limit(pieces(text)).replace("${!", "${")

    def _found(self, argument: list[Any], depth: int) -> str | None:
        keys = [self.literal(part, depth + 1) for part in argument]
        at: Any = self.mappings
        for key in keys:
            at = mapping(at).get(key or "")
        return as_text(at)


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


def as_text(value: Any) -> str | None:
    """Return a string, number or boolean as CloudFormation writes it, None for other values."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def _within_limit(pieces: Iterable[str]) -> str:
    """Return the pieces as one text; UNKNOWN if it is too long."""
    found, length = [], 0
    for piece in pieces:
        length += len(piece)
        if length > MAX_TEXT:
            return UNKNOWN
        found.append(piece)
    return "".join(found)


def _or_unknown(text: str | None) -> str:
    return UNKNOWN if text is None else text
