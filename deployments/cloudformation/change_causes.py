"""Why a property changes: its causing entity, traced through nested parameters and outputs to the origin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from deployments.cloudformation.changes import CauseLink, ChangedProperty, ChangedResource, Effect, LinkKind
from deployments.cloudformation.conditions import mapping
from deployments.cloudformation.nested_templates import TemplateStack
from deployments.cloudformation.references import Reference, found_in

LONGEST = 8
"""Maximum number of links of a chain."""
PARAMETER_SOURCE = "ParameterReference"
_RESOURCE_SOURCES = ("ResourceReference", "ResourceAttribute")


class OriginKind(StrEnum):
    """What an origin is: a parameter of the root, a resource, or a text that the value passes through."""

    PARAMETER = "parameter"
    RESOURCE = "resource"
    PASSED = "passed"  # a parameter value that a parent passes to a nested stack
    OUTPUT = "output"  # of a nested stack


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where a value comes from.

    `path` is a root parameter, a resource or a nested stack; `name` an attribute of the resource ("": its
    Ref), a parameter of the nested stack, or an output of it.
    """

    kind: OriginKind
    path: str
    name: str = ""


class Causes:
    """Trace the causes of changes through the templates of the deployed set."""

    def __init__(
        self,
        stacks: Mapping[str, TemplateStack],
        changes: Iterable[ChangedResource],
        parameters: Mapping[str, LinkKind],
    ) -> None:
        """`parameters` are the changed ones of the root, each with the kind of its cause."""
        self.stacks, self.parameters = stacks, parameters
        self.changes = {one.path: one for one in changes}
        self._followed: dict[Origin, frozenset[Origin]] = {}
        self._causing: dict[str, tuple[CauseLink, ...]] = {}

    def origins(self, stack: str, detail: ChangedProperty) -> frozenset[Origin] | None:
        """Return the origins of the cause of a detail; None if they are not known."""
        here = self.stacks.get(stack)
        if here is None or not detail.cause:
            return None
        if detail.source == PARAMETER_SOURCE:
            return self._of_parameter(here, detail.cause) or None
        if detail.source in _RESOURCE_SOURCES:
            name, _, attribute = detail.cause.partition(".")
            reference = Reference("GetAtt" if attribute else "Ref", name, attribute)
            return self._of_reference(here, reference) or None
        return None

    def _of_parameter(self, stack: TemplateStack, name: str) -> frozenset[Origin]:
        if name not in mapping(stack.template.get("Parameters")):
            return frozenset()
        if not stack.path:
            return frozenset({Origin(OriginKind.PARAMETER, name)})
        parent = self.stacks[stack.path.rpartition("/")[0]]
        through = Origin(OriginKind.PASSED, stack.path, name)
        return self._of_value(through, parent, stack.passed.get(name))

    def _of_value(self, through: Origin, stack: TemplateStack, value: object) -> frozenset[Origin]:
        """Return the origins of a value of a stack, including those that it passes through."""
        if through not in self._followed:
            self._followed[through] = frozenset({through})  # ends a cycle
            found = (self._of_reference(stack, one) for one in found_in(value, stack.scope))
            self._followed[through] = frozenset({through}).union(*found)
        return self._followed[through]

    def _of_reference(self, stack: TemplateStack, reference: Reference) -> frozenset[Origin]:
        if reference.name not in mapping(stack.template.get("Resources")):
            return self._of_parameter(stack, reference.name)
        at = stack.at(reference.name)
        nested = self.stacks.get(at)
        outputs = mapping(nested.template.get("Outputs")) if nested else {}
        if nested is None or reference.output not in outputs:
            return frozenset({Origin(OriginKind.RESOURCE, at, reference.attribute)})
        through = Origin(OriginKind.OUTPUT, at, reference.output)
        return self._of_value(through, nested, mapping(outputs[reference.output]).get("Value"))

    def chain(
        self, resource: ChangedResource, detail: ChangedProperty, depth: int = 0
    ) -> tuple[CauseLink, ...]:
        """Return the causing chain of a detail, from its origin to the stack of the resource."""
        inside = (CauseLink(kind=LinkKind.STACK.value, name=resource.stack),) if resource.stack else ()
        origins = self.origins(resource.stack, detail)
        if origins is None:
            if detail.cause:
                return CauseLink(kind=LinkKind.UNKNOWN.value, name=detail.cause), *inside
            return self._of_the_text(resource, detail)
        beginnings = sorted(one for one in origins if one.kind in (OriginKind.PARAMETER, OriginKind.RESOURCE))
        for origin in beginnings:
            if origin.kind is OriginKind.PARAMETER and origin.path in self.parameters:
                return CauseLink(kind=self.parameters[origin.path].value, name=origin.path), *inside
        if depth < LONGEST and (changed := self._changed(resource, beginnings)):
            link = CauseLink(kind=LinkKind.RESOURCE.value, name=changed.path, effect=changed.effect)
            return *self._cause_of(changed, depth), link, *(() if changed.stack == resource.stack else inside)
        links = [CauseLink(kind=LinkKind(one.kind.value).value, name=one.path) for one in beginnings[:1]]
        return *(links or self._of_the_text(resource, detail)), *inside

    def _changed(self, resource: ChangedResource, origins: Iterable[Origin]) -> ChangedResource | None:
        """Return the first changed resource among the origins."""
        for origin in origins:
            changed = self.changes.get(origin.path) if origin.kind is OriginKind.RESOURCE else None
            if changed and changed.path != resource.path and _matters(changed):
                return changed
        return None

    def _of_the_text(self, resource: ChangedResource, detail: ChangedProperty) -> tuple[CauseLink, ...]:
        """Return the cause of a detail without an entity: another detail of the value, or the template."""
        twins = (
            other
            for other in resource.properties
            if other.cause and (other.path, other.name) == (detail.path, detail.name)
        )
        twin = None if detail.cause else next(twins, None)
        if twin:
            return self.chain(resource, twin)
        file = self.stacks[resource.stack].file if resource.stack in self.stacks else ""
        return (CauseLink(kind=LinkKind.TEMPLATE.value, name=file),)

    def _cause_of(self, resource: ChangedResource, depth: int) -> tuple[CauseLink, ...]:
        """Return the causing chain of a resource's most important property."""
        if resource.path not in self._causing:
            self._causing[resource.path] = ()
            order = {"Always": 0, "Conditionally": 1}
            details = sorted(
                (one for one in resource.properties if one.cause or one.source == "DirectModification"),
                key=lambda one: (one.likely_same, order.get(one.recreation, 2), one.evaluation != "Static"),
            )
            found = self.chain(resource, details[0], depth + 1) if details else ()
            self._causing[resource.path] = found
        return self._causing[resource.path]


def _matters(changed: ChangedResource) -> bool:
    return changed.effect not in (Effect.UNCHANGED, Effect.STACK)
