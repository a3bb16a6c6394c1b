"""The content of a change set: the changes of a stack's resources, their causes, and known values.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html and
API_ResourceChangeDetail.html.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ministack.services.cloudformation import engine, stacks

from sanso_sandbox.engine.cloudformation import placeholders, recreation, values
from sanso_sandbox.engine.cloudformation.store import STACK_TYPE, Stack, Template

_ABSENT: Final = object()
AUTOMATIC: Final = {
    "Target": {"Attribute": "Properties", "RequiresRecreation": "Never"},
    "Evaluation": "Dynamic",
    "ChangeSource": "Automatic",
}


@dataclass(frozen=True, slots=True)
class _Difference:
    """A changed value: its path, the values before and after, and its text in the template."""

    path: str
    before: Any
    after: Any
    text: Any


class Preview:
    """The changes of a stack's resources between its current state and a template with parameters."""

    def __init__(
        self,
        stack: Stack,
        template: Template,
        parameters: dict[str, Any],
        *,
        retag: bool,
        automatic: frozenset[str] = frozenset(),
    ) -> None:
        """Compute the changes.

        Args:
            retag: the stack's tags change, and therefore those of its resources.
            automatic: nested stacks that change although their resources' properties do not.
        """
        self.stack, self.retag, self.automatic = stack, retag, automatic
        self.template, self.parameters = template, parameters
        self.conditions: dict[str, Any] = engine._evaluate_conditions(template, parameters)
        self.had = {
            name: definition
            for name, definition in (stack["_template"].get("Resources") or {}).items()
            if placeholders.complete_record(stack, name) is not None
        }
        self.wanted = {
            name: definition
            for name, definition in (template.get("Resources") or {}).items()
            if self.conditions.get(definition.get("Condition") or "", True)
        }
        self.changed_parameters = {
            name
            for name, found in parameters.items()
            if (stack["_resolved_params"].get(name) or {}).get("Value") != found["Value"]
        }
        self.details: dict[str, list[dict[str, Any]]] = {}
        self.changing: dict[str, str] = dict.fromkeys(automatic & set(self.had), "False")
        self._follow_references()

    def _follow_references(self) -> None:
        """Compute the changes repeatedly, because references to a changing resource may change too."""
        common = [name for name in self.wanted if name in self.had]
        while True:
            self.details = {name: self._details(name) for name in common}
            found = {
                name: replacement(details)
                for name, details in self.details.items()
                if details or name in self.automatic
            }
            if found == self.changing:
                return
            self.changing = found

    def properties(self, name: str, *, mask: bool = False) -> dict[str, Any]:
        """Return a resource's new properties, with placeholders for unknown values."""
        return placeholders.properties(
            self.stack, self.template, self.parameters, name, self.changing, mask=mask
        )

    def _before(self, name: str, *, mask: bool = False) -> dict[str, Any]:
        """Return a resource's current properties; after a failed operation, its record contains them."""
        stack, parameters = self.stack, self.stack["_resolved_params"]
        if not stack["StackStatus"].endswith("FAILED"):
            return placeholders.properties(stack, stack["_template"], parameters, name, mask=mask)
        found: dict[str, Any] = stack["_resources"][name].get("Properties") or {}
        return values.without_secrets(stack, found) if mask else found

    def _details(self, name: str) -> list[dict[str, Any]]:
        old, new = self.had[name], self.wanted[name]
        before, after = self._before(name), self.properties(name)
        texts, old_texts = new.get("Properties") or {}, old.get("Properties") or {}
        details: list[dict[str, Any]] = []
        for key in sorted(before.keys() | after.keys()):
            text = texts.get(key)
            if before.get(key, _ABSENT) == after.get(key, _ABSENT):
                continue
            if "{{resolve:" in json.dumps(text, default=str) and old_texts.get(key) == text:
                continue  # values of dynamic references are not compared
            required = recreation.required(new.get("Type", ""), key)
            edited = old_texts.get(key) != text
            for one in self._differences(
                f"/Properties/{key}", before.get(key, _ABSENT), after.get(key, _ABSENT), text
            ):
                details += self._of_difference(key, required, one, edited=edited)
        return details + _of_attributes(old, new)

    def _differences(self, path: str, before: Any, after: Any, text: Any) -> Iterator[_Difference]:
        """Yield the values that differ, as deep as the template specifies them."""
        text = self._active(text)
        parts = _parts(before, after, text)
        if parts is None:
            yield _Difference(path, before, after, text)
            return
        for key, one, other, part in parts:
            if one != other:
                yield from self._differences(f"{path}/{values.escaped(key)}", one, other, part)

    def _active(self, text: Any) -> Any:
        """Return the branch that an Fn::If's condition chooses, for nested ones too."""
        while isinstance(text, dict) and set(text) == {"Fn::If"}:
            condition, chosen, otherwise = text["Fn::If"]
            text = chosen if self.conditions.get(condition) else otherwise
        return text

    def _of_difference(
        self, key: str, required: str, one: _Difference, *, edited: bool
    ) -> Iterator[dict[str, Any]]:
        """Yield the details of a difference: direct modification, or references of its text, or both."""
        causes = list(self._causes(one.text))
        target = {
            "Attribute": "Properties",
            "Name": key,
            "RequiresRecreation": required,
            "Path": one.path,
        }
        by_parameter = any(source == "ParameterReference" for source, *_rest in causes)
        if edited or by_parameter or not causes:
            yield {
                "Target": dict(target),
                "Evaluation": "Dynamic" if causes else "Static",
                "ChangeSource": "DirectModification",
            }
        for source, entity, evaluation in causes:
            yield {
                "Target": dict(target),
                "Evaluation": evaluation,
                "ChangeSource": source,
                "CausingEntity": entity,
            }

    def _causes(self, text: Any) -> Iterator[tuple[str, str, str]]:
        """Yield (source, entity, evaluation) for each reference of a text to something that changes.

        A parameter of a nested stack with a placeholder counts as changed, since its text differs. That is
        why AWS reports replacements that do not happen.
        https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/759
        """
        seen = set()
        for name, attribute in engine._intrinsic_references(self._active(text)):
            if (name, attribute) in seen:
                continue
            seen.add((name, attribute))
            if name in self.changed_parameters and attribute is None:
                yield "ParameterReference", name, "Static"
            elif name in self.changing and (attribute or self.changing[name] != "False"):
                yield (
                    "ResourceAttribute" if attribute else "ResourceReference",
                    f"{name}.{attribute}" if attribute else name,
                    "Static" if self.changing[name] == "True" else "Dynamic",
                )

    def changes(self) -> list[dict[str, Any]]:
        """Return the changes in the format of DescribeChangeSet, sorted by logical id."""
        found = []
        for name in sorted(self.had.keys() | self.wanted.keys()):
            if name not in self.had:
                found.append(self._change("Add", name, self.wanted[name]))
            elif name not in self.wanted:
                policy = stacks._policy_action(self.had[name], "DeletionPolicy")
                found.append(self._change("Remove", name, self.had[name], **policy))
            elif (details := self._all_details(name)) or name in self.changing:
                found.append(self._modification(name, details))
        return found

    def _all_details(self, name: str) -> list[dict[str, Any]]:
        """Return the details of a resource; those of tags come first, those of nested stacks last."""
        resource_type = str(self.wanted[name].get("Type", ""))
        details = list(self.details[name])
        untagged = resource_type.startswith("Custom::") or resource_type in stacks._UNTAGGED_TYPES
        if self.retag and not untagged:
            target = {"Attribute": "Tags", "RequiresRecreation": "Never"}
            details.insert(0, {"Target": target, "Evaluation": "Static"})
        if resource_type == STACK_TYPE and (details or name in self.automatic):
            details.append(AUTOMATIC)
        return details

    def _modification(self, name: str, details: list[dict[str, Any]]) -> dict[str, Any]:
        attributes = [detail["Target"]["Attribute"] for detail in details]
        scope = sorted(dict.fromkeys(attributes), key=lambda attribute: attribute == "Tags")
        replaced = self.changing.get(name, "False")
        policy = (
            stacks._policy_action(self.wanted[name], "UpdateReplacePolicy", "ReplaceAnd")
            if replaced == "True"
            else {}
        )
        return self._change(
            "Modify", name, self.wanted[name], Replacement=replaced, Scope=scope, Details=details, **policy
        )

    def _change(self, action: str, name: str, definition: Any, **more: Any) -> dict[str, Any]:
        change = {
            "Action": action,
            "LogicalResourceId": name,
            "ResourceType": definition.get("Type", ""),
            **more,
        }
        before = after = None
        if name in self.had:
            change["PhysicalResourceId"] = self.stack["_resources"][name]["PhysicalResourceId"]
            before = self._before(name, mask=True)
            change["BeforeContext"] = json.dumps({"Properties": before}, default=str)
        if action != "Remove":
            after = placeholders.shown(self.properties(name, mask=True))
            change["AfterContext"] = json.dumps({"Properties": after}, default=str)
        for detail in change.get("Details") or ():
            if path := detail["Target"].get("Path"):
                detail["Target"].update(values.compared(path, before or {}, after or {}))
        return {"Type": "Resource", "ResourceChange": change}


def _parts(before: Any, after: Any, text: Any) -> list[tuple[Any, Any, Any, Any]] | None:
    """Return the parts of two values as (key, before, after, text); None if they cannot be split."""
    if isinstance(before, dict) and isinstance(after, dict) and isinstance(text, dict):
        if not set(text) >= set(after):
            return None  # values of a function
        keys = [*after, *(key for key in before if key not in after)]
        return [(key, before.get(key, _ABSENT), after.get(key, _ABSENT), text.get(key)) for key in keys]
    lists = isinstance(before, list) and isinstance(after, list) and isinstance(text, list)
    if lists and len(before) == len(after) == len(text):
        return list(zip(range(len(text)), before, after, text, strict=True))
    return None


def replacement(details: list[dict[str, Any]]) -> str:
    """Return the Replacement of a resource that is modified with these details."""
    found: str = stacks._replacement(details, False)
    return found


def _of_attributes(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Return details of attributes other than properties, such as UpdatePolicy."""
    return [
        {
            "Target": {"Attribute": attribute, "RequiresRecreation": "Never"},
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        }
        for attribute in stacks._DIFFED_ATTRIBUTES
        if old.get(attribute) != new.get(attribute)
    ]


def nested_names(template: Template, parameters: dict[str, Any]) -> list[str]:
    """Return the logical ids of the nested stacks in a template, dependencies first."""
    conditions = engine._evaluate_conditions(template, parameters)
    definitions = template.get("Resources") or {}
    return [
        name
        for name in engine._topological_sort(definitions, conditions)
        if definitions[name].get("Type") == STACK_TYPE
    ]
