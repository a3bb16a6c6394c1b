"""The nested stacks whose changes CloudFormation did not compute, and the data in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.changes.pages.preview import texts
from deployments.cloudformation.change_summary import not_computed
from deployments.cloudformation.changes import Changes
from deployments.cloudformation.data_bearing import holds
from deployments.cloudformation.nested_templates import TemplateStack


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenStack:
    """A nested stack with the data-bearing resources in it and below, each with the kind of data."""

    name: str
    data: Sequence[str]


def hidden_stacks(changes: Changes, stacks: Mapping[str, TemplateStack]) -> list[HiddenStack]:
    """Return the nested stacks whose changes the preview does not show.

    `stacks` are those of the template set, empty if it is not known.
    """
    paths = not_computed(changes)
    return [HiddenStack(name=path, data=list(_data_below(path, stacks))) for path in paths]


def _data_below(path: str, stacks: Mapping[str, TemplateStack]) -> Iterator[str]:
    for at, stack in stacks.items():
        if f"{at}/".startswith(f"{path}/"):
            for name, body in stack.resources.items():
                if data := holds(str(body.get("Type") or ""), body):
                    yield _("%(name)s (%(data)s)") % {"name": name, "data": texts.data_label(data)}
