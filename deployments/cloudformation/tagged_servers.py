"""The servers that a template set launches, with the tags that its templates give them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployments.cloudformation.conditions import TemplateValues, mapping
from deployments.cloudformation.observed_resources import GROUP, INSTANCE
from deployments.cloudformation.template_stacks import TemplateStack

_LAUNCH_TEMPLATE = "AWS::EC2::LaunchTemplate"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedServers:
    """The servers of an Auto Scaling group, or one instance, by the path of the resource, with their tags."""

    path: str
    tags: Mapping[str, str]


def tagged_servers(stacks: Mapping[str, TemplateStack]) -> Iterator[TaggedServers]:
    """Yield what launches servers, with the tags whose values are known before the stacks exist.

    A group gives its servers the tags that it propagates, before those of its launch template:
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html
    """
    for stack in stacks.values():
        for name, body in stack.resources.items():
            declared = mapping(body.get("Properties"))
            if body.get("Type") not in (GROUP, INSTANCE):
                continue
            own = _rows(declared.get("Tags"))
            if body.get("Type") == GROUP:
                own = [one for one in own if stack.scope.literal(one.get("PropagateAtLaunch")) == "true"]
            tags = _of_launch_template(stack, declared) | _known(own, stack.scope)
            yield TaggedServers(path=stack.at(name), tags=tags)


def _of_launch_template(stack: TemplateStack, declared: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of the launch template of a group or an instance, if it is in the same template."""
    mixed = mapping(mapping(declared.get("MixedInstancesPolicy")).get("LaunchTemplate"))
    chosen = declared.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification")
    named = [mapping(mapping(chosen).get(f"LaunchTemplate{one}")).get("Ref") for one in ("Id", "Name")]
    name = next((one for one in named if isinstance(one, str)), "")
    body = stack.resources.get(name) or {}
    if body.get("Type") != _LAUNCH_TEMPLATE:
        return {}
    data = mapping(mapping(body.get("Properties")).get("LaunchTemplateData"))
    given = [
        tag
        for one in _rows(data.get("TagSpecifications"))
        if one.get("ResourceType") == "instance"
        for tag in _rows(one.get("Tags"))
    ]
    return _known(given, stack.scope)


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [mapping(one) for one in value] if isinstance(value, list) else []


def _known(tags: Iterable[Mapping[str, Any]], scope: TemplateValues) -> dict[str, str]:
    found = {scope.literal(one.get("Key")): scope.literal(one.get("Value")) for one in tags}
    return {key: value for key, value in found.items() if key is not None and value is not None}
