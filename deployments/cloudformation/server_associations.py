"""The associations of a template set: their output, and the servers that their tags match. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.cloudformation.conditions import TemplateValues, mapping
from deployments.cloudformation.nested_templates import TemplateSide, TemplateStack, stacks_of
from deployments.cloudformation.observed_resources import ASSOCIATION, GROUP, INSTANCE

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


def output_places(side: TemplateSide) -> set[tuple[str, str]]:
    """Return (bucket, key prefix) of every association of the stacks; the prefixes end in "/".

    Places that only CloudFormation can determine, and entire buckets, are left out.
    """
    found = set()
    for stack in stacks_of(side).values():
        for body in stack.resources.values():
            if body.get("Type") != ASSOCIATION:
                continue
            output = mapping(mapping(body.get("Properties")).get("OutputLocation"))
            location = mapping(output.get("S3Location"))
            bucket = stack.scope.literal(location.get("OutputS3BucketName"))
            prefix = (stack.scope.literal(location.get("OutputS3KeyPrefix")) or "").strip("/")
            if bucket and prefix:
                found.add((bucket, f"{prefix}/"))
    return found


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


NAMED = 10
"""Maximum number of servers that are named."""
CAUGHT, CATCHING = "preflight.caught", "preflight.catching"
"""Codes of events: servers of others that the environment catches, and its own that another one catches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A running server that is not the environment's; `environment` is its name, "" if it is not known."""

    instance_id: str
    environment: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedSide:
    """Another environment's name ("": not shown) with the targets of its associations."""

    environment: str
    targets: tuple[TaggedTargets, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtServers:
    """An association and the servers that it would configure although they are of another environment.

    With the code CAUGHT, the association is the deployed environment's, and `servers` are ids of servers of
    `environment` ("": of none that can be named). With CATCHING, it is an association of `environment`, and
    `servers` are the paths of what launches the deployed environment's servers.
    """

    code: str
    association: str
    tags: str
    servers: tuple[str, ...]
    environment: str

    @property
    def key(self) -> str:
        """Return what tells it from others of its code."""
        return f"{self.association} {self.environment}".rstrip()

    @property
    def values(self) -> dict[str, str | int]:
        """Return the values of its text, as an event stores them."""
        return {
            "association": self.association,
            "tags": self.tags,
            "count": len(self.servers),
            "servers": ", ".join(self.servers[:NAMED]),
            "environments": self.environment,
        }


def caught(
    targets: Iterable[TaggedTargets],
    servers: Iterable[TaggedServers],
    running: Iterable[RunningServer],
    others: Iterable[DeployedSide],
) -> Iterator[CaughtServers]:
    """Yield what associations would configure across environments.

    `targets` and `servers` are those of the environment to deploy; `running` servers and `others` are not.
    """
    running, servers = list(running), list(servers)
    for one in targets:
        found: dict[str, set[str]] = {}
        for server in running:
            if one.match(server.tags):
                found.setdefault(server.environment, set()).add(server.instance_id)
        for environment, ids in sorted(found.items()):
            yield _caught(CAUGHT, one, ids, environment)
    for other in others:
        for one in other.targets:
            if launched := {server.path for server in servers if one.match(server.tags)}:
                yield _caught(CATCHING, one, launched, other.environment)


def _caught(code: str, targets: TaggedTargets, servers: Iterable[str], environment: str) -> CaughtServers:
    return CaughtServers(
        code=code,
        association=targets.path,
        tags=targets.text,
        servers=tuple(sorted(servers)),
        environment=environment,
    )
