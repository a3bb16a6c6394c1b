"""The nested stacks whose changes CloudFormation did not compute, and which data is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployments.catalog import TemplateSet
from deployments.core.change_summary import not_computed
from deployments.core.changes import Changes
from deployments.core.data_bearing import holds
from deployments.core.template_stacks import TemplateSide, TemplateStack, stacks_of
from deployments.models import Deployment
from deployments.presentation.preview import words


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenStack:
    """A nested stack with the data-bearing resources in it and below, each with what it holds."""

    name: str
    data: Sequence[str]


def hidden_stacks(
    deployment: Deployment, changes: Changes, template_set: TemplateSet | None
) -> list[HiddenStack]:
    """Return the nested stacks of which the preview does not show what changes."""
    paths = not_computed(changes)
    if not paths:
        return []
    stacks: Mapping[str, TemplateStack] = {}
    if template_set:
        values = {**deployment.environment.parameters, **deployment.parameters}
        root = template_set.root.name
        stacks = stacks_of(TemplateSide(templates=template_set.contents, root=root, values=values))
    return [HiddenStack(name=path, data=list(_data_below(path, stacks))) for path in paths]


def _data_below(path: str, stacks: Mapping[str, TemplateStack]) -> list[str]:
    found = []
    for at, stack in stacks.items():
        if f"{at}/".startswith(f"{path}/"):
            for name, body in stack.resources.items():
                if data := holds(str(body.get("Type") or ""), body):
                    found.append(f"{name} ({words.data_word(data)})")
    return found
