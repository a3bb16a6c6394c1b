"""The references to other resources in a template's values: Ref, Fn::GetAtt in both forms, Fn::Sub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployments.cloudformation.conditions import IN_SUB, MAX_DEPTH, TemplateValues, mapping


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to a name in the same template: its kind (`way`) and the attribute ("" for Ref)."""

    way: str
    name: str
    attribute: str = ""

    @property
    def output(self) -> str:
        """Return the name of a nested stack's output, "" for any other attribute."""
        first, _, rest = self.attribute.partition(".")
        return rest if first == "Outputs" else ""


def found_in(value: Any, scope: TemplateValues, depth: int = 0) -> Iterator[Reference]:
    """Yield every reference in a value; of an Fn::If, only the branch that applies, if known."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from found_in(item, scope, depth + 1)
    if not isinstance(value, dict):
        return
    for key, argument in value.items():
        if len(value) == 1 and key in _READERS:
            yield from _READERS[key](argument, scope, depth + 1)
        else:
            yield from found_in(argument, scope, depth + 1)


def _ref(argument: Any, scope: TemplateValues, depth: int) -> Iterator[Reference]:
    if isinstance(argument, str):
        yield Reference("Ref", argument)


def _get_att(argument: Any, scope: TemplateValues, depth: int) -> Iterator[Reference]:
    parts = argument.split(".") if isinstance(argument, str) else argument
    if isinstance(parts, list) and parts and isinstance(parts[0], str):
        name, _, more = parts[0].partition(".")
        names = [more] if more else []
        yield Reference("GetAtt", name, ".".join(names + [p for p in parts[1:] if isinstance(p, str)]))
        yield from found_in(parts[1:], scope, depth)


def _sub(argument: Any, scope: TemplateValues, depth: int) -> Iterator[Reference]:
    text: Any = argument
    own: Mapping[str, Any] = {}
    if isinstance(argument, list) and argument:
        text, own = argument[0], mapping(argument[1] if len(argument) > 1 else None)
    for found in IN_SUB.findall(text) if isinstance(text, str) else ():
        name, _, attribute = found.strip().partition(".")
        if found.strip() not in own:
            yield Reference("Sub", name, attribute)
    yield from found_in(own, scope, depth)


def _if(argument: Any, scope: TemplateValues, depth: int) -> Iterator[Reference]:
    if isinstance(argument, list) and len(argument) == 3:
        truth = scope.condition(argument[0])
        argument = argument[1:] if truth is None else argument[1 if truth else 2]
    yield from found_in(argument, scope, depth)


_READERS = {"Ref": _ref, "Fn::GetAtt": _get_att, "Fn::Sub": _sub, "Fn::If": _if}
