"""The servers that associations of a template set target by tags, as far as the templates say so. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployments.cloudformation.conditions import TemplateValues, mapping
from deployments.cloudformation.observed_resources import ASSOCIATION
from deployments.cloudformation.template_stacks import TemplateStack

_TAG = "tag:"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedTargets:
    """An association, by its path, and the tags that a server must have, each with one of its values."""

    path: str
    tags: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def text(self) -> str:
        """Return the tags as a text."""
        return ", ".join(f"{key}={' | '.join(values)}" for key, values in self.tags)

    def match(self, tags: Mapping[str, str]) -> bool:
        """Return whether a server with these tags is a target."""
        return all(tags.get(key) in values for key, values in self.tags)


def tagged_targets(stacks: Mapping[str, TemplateStack]) -> Iterator[TaggedTargets]:
    """Yield the associations whose targets are tags with values that are known before the stacks exist.

    Of several targets, a server must meet each: https://docs.aws.amazon.com/systems-manager/latest/userguide/
    systems-manager-state-manager-targets-and-rate-controls.html. Tags with the name of a stack are not known.
    """
    for stack in stacks.values():
        for name, body in stack.resources.items():
            if body.get("Type") != ASSOCIATION:
                continue
            declared = mapping(body.get("Properties")).get("Targets")
            targets = declared if isinstance(declared, list) else []
            tags = [_tag(mapping(one), stack.scope) for one in targets]
            if tags and None not in tags:
                yield TaggedTargets(path=stack.at(name), tags=tuple(one for one in tags if one))


def _tag(target: Mapping[str, Any], scope: TemplateValues) -> tuple[str, tuple[str, ...]] | None:
    """Return the tag of a target with its values; None if it is no tag, or not known."""
    key = scope.literal(target.get("Key"))
    given = target.get("Values")
    values = [scope.literal(one) for one in (given if isinstance(given, list) else [])]
    if key is None or not key.startswith(_TAG) or not values or None in values:
        return None
    return key.removeprefix(_TAG), tuple(one for one in values if one is not None)
