"""What a template set needs a region to offer: instance types and database classes, and their zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from deployments.cloudformation.conditions import mapping
from deployments.cloudformation.nested_templates import TemplateSide, TemplateStack, stacks_of

MAX_DIGITS: Final = 3
"""Digits of the position of a zone: templates may contain anything, and regions have a few zones."""
_INSTANCE: Final = "AWS::EC2::Instance"
_LAUNCH_TEMPLATE: Final = "AWS::EC2::LaunchTemplate"
_SUBNET: Final = "AWS::EC2::Subnet"
_CLUSTER: Final = "AWS::RDS::DBCluster"
_DATABASE: Final = "AWS::RDS::DBInstance"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class DatabaseNeed:
    """A class of database instances, with the engine and version that they run."""

    engine: str
    version: str
    instance_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionNeeds:
    """What stacks need of a region. `zones` are positions in the list of its zones, as of Fn::GetAZs."""

    instance_types: tuple[str, ...] = ()
    databases: tuple[DatabaseNeed, ...] = ()
    zones: tuple[int, ...] = ()

    def zones_in(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of a region's zones, in order, that are used; all of them if that is unknown."""
        return tuple(names[one] for one in self.zones if one < len(names)) or names


def region_needs(side: TemplateSide) -> RegionNeeds:
    """Return what the stacks of a template set need, as far as its values determine it.

    An instance of a cluster runs the version of the cluster, which may be in another stack: of all clusters
    of its engine.
    """
    bodies = [(stack, body) for stack in stacks_of(side).values() for body in stack.resources.values()]
    versions = {
        (engine, version)
        for stack, given in _of_type(bodies, _CLUSTER, _DATABASE)
        if (engine := _text(stack, given.get("Engine")))
        and (version := _text(stack, given.get("EngineVersion")))
    }
    classes = {
        (engine, instance_class)
        for stack, given in _of_type(bodies, _DATABASE)
        if (engine := _text(stack, given.get("Engine")))
        and (instance_class := _text(stack, given.get("DBInstanceClass")))
    }
    return RegionNeeds(
        instance_types=tuple(sorted(set(_instance_types(bodies)))),
        databases=tuple(
            DatabaseNeed(engine=engine, version=version, instance_class=instance_class)
            for engine, instance_class in sorted(classes)
            for of, version in sorted(versions)
            if of == engine
        ),
        zones=tuple(sorted(set(_zones(bodies)))),
    )


_Bodies = list[tuple[TemplateStack, Mapping[str, Any]]]


def _of_type(bodies: _Bodies, *types: str) -> Iterator[tuple[TemplateStack, Mapping[str, Any]]]:
    """Yield the properties of the resources of some types, each with its stack."""
    for stack, body in bodies:
        if body.get("Type") in types:
            yield stack, mapping(body.get("Properties"))


def _text(stack: TemplateStack, value: Any) -> str:
    return stack.scope.literal(value) or ""


def _instance_types(bodies: _Bodies) -> Iterator[str]:
    for stack, given in _of_type(bodies, _INSTANCE):
        if found := _text(stack, given.get("InstanceType")):
            yield found
    for stack, given in _of_type(bodies, _LAUNCH_TEMPLATE):
        if found := _text(stack, mapping(given.get("LaunchTemplateData")).get("InstanceType")):
            yield found


def _zones(bodies: _Bodies) -> Iterator[int]:
    for stack, given in _of_type(bodies, _SUBNET):
        chosen = mapping(given.get("AvailabilityZone")).get("Fn::Select")
        if isinstance(chosen, list) and len(chosen) == 2 and "Fn::GetAZs" in mapping(chosen[1]):
            number = _text(stack, chosen[0])
            if number.isascii() and number.isdecimal() and len(number) <= MAX_DIGITS:
                yield int(number)
