"""Changes that are listed only because CloudFormation does not know a value before the execution.

The outputs of a changing nested stack are not known, so all resources that use them are listed, even as
replacements: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/759. Such a change
probably does not happen if the template of its stack is equal, the known values that it uses are equal, and
the origins of its other values, traced through parameters and outputs of nested stacks, do not change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from deployments.cloudformation.change_causes import PARAMETER_SOURCE, Causes, Origin, OriginKind
from deployments.cloudformation.changes import (
    Action,
    CauseLink,
    ChangedProperty,
    ChangedResource,
    Effect,
    LinkKind,
    is_unknown,
)
from deployments.cloudformation.conditions import mapping
from deployments.cloudformation.nested_templates import TemplateStack
from deployments.cloudformation.references import found_in

_NEW_OR_GONE = (Action.ADD, Action.REMOVE, Action.IMPORT)
_IDENTIFIERS = ("Arn", "Id", "ID")


class UnresolvedChanges:
    """Predict which changes do not happen, by tracing the values that each resource uses to their origins."""

    def __init__(
        self,
        resources: Iterable[ChangedResource],
        old: Mapping[str, TemplateStack],
        new: Mapping[str, TemplateStack],
        parameters: Mapping[str, LinkKind],
    ) -> None:
        self.resources = {one.path: one for one in resources}
        self.old, self.new, self.parameters = old, new, parameters
        self.causes = Causes(new, self.resources.values(), parameters)
        self._stays: dict[str, tuple[CauseLink, ...] | None] = {}

    def stays(self, resource: ChangedResource) -> tuple[CauseLink, ...] | None:
        """Return the unchanged resources that a resource uses, if it is probably unchanged; else None."""
        if resource.path not in self._stays:
            self._stays[resource.path] = None  # a dependency cycle does not count as unchanged
            self._stays[resource.path] = self._decide(resource)
        return self._stays[resource.path]

    def _decide(self, resource: ChangedResource) -> tuple[CauseLink, ...] | None:
        if resource.is_stack or not resource.properties:
            return None
        if not all(self.is_same(resource, detail) for detail in resource.properties):
            return None
        used: set[Origin] = set()
        for detail in resource.properties:
            used |= self.causes.origins(resource.stack, detail) or frozenset()
        named = (OriginKind.PARAMETER, OriginKind.RESOURCE)
        return tuple(dict.fromkeys(self._link(origin) for origin in sorted(used) if origin.kind in named))

    def is_same(self, resource: ChangedResource, detail: ChangedProperty) -> bool:
        """Return whether one detail of a resource probably does not happen."""
        if resource.action in _NEW_OR_GONE or _differs(detail):
            return False
        if not self._is_written_the_same(resource, detail):
            return False
        if not detail.cause and _has_twin(resource, detail):
            return all(self.is_same(resource, one) for one in resource.properties if _is_twin(one, detail))
        origins = self.causes.origins(resource.stack, detail)
        if origins is None or not _may_be_unknown(resource.stack, detail):
            return False
        return not any(self._changes(origin) for origin in origins)

    def is_replaced(self, resource: ChangedResource) -> bool:
        """Return whether a resource is replaced, as CloudFormation reports or because it uses one that is.

        The latter means that a replaced resource's id is the value of a property that requires recreation.
        """
        if resource.action != Action.MODIFY:
            return resource.action == Action.REPLACE and (self.stays(resource) is None or bool(resource.data))
        for detail in resource.properties:
            if detail.recreation == "Always" and resource.replacement == "Conditional":
                origins = self.causes.origins(resource.stack, detail) or ()
                found = [self.resources.get(one.path) for one in origins if one.kind is OriginKind.RESOURCE]
                if any(one and one.action == Action.REPLACE and self.stays(one) is None for one in found):
                    return True
        return False

    def _is_written_the_same(self, resource: ChangedResource, detail: ChangedProperty) -> bool:
        """Return whether the stack's template and the known values that a property uses do not change."""
        old, new = self.old.get(resource.stack), self.new.get(resource.stack)
        if old is None or new is None or old.template != new.template:
            return False
        body = body_of(self.new, resource.path)
        text = mapping(body.get("Properties")).get(detail.name) if detail.name else body
        used = {one.name for side in (old, new) for one in found_in(text, side.scope)}
        return all(old.scope.values.get(one) == new.scope.values.get(one) for one in used)

    def _changes(self, origin: Origin) -> bool:
        """Return whether the value of an origin changes, as far as known."""
        if origin.kind is OriginKind.PARAMETER:
            return origin.path in self.parameters
        if origin.kind is not OriginKind.RESOURCE:
            return _written(self.old, origin) != _written(self.new, origin)
        found = self.resources.get(origin.path)
        if found is None or self.stays(found) is not None:
            return False
        if found.is_stack:  # an output that the templates do not have, or its id
            return bool(origin.name)
        in_place = found.action == Action.MODIFY and found.replacement == "False"
        return not (in_place and _identifies(origin.name))

    def _link(self, origin: Origin) -> CauseLink:
        if origin.kind is OriginKind.PARAMETER:
            return CauseLink(kind=LinkKind.PARAMETER.value, name=origin.path)
        found = self.resources.get(origin.path)
        in_place = found is not None and not found.is_stack and self.stays(found) is None
        effect = Effect.UPDATED.value if in_place else ""
        return CauseLink(kind=LinkKind.RESOURCE.value, name=origin.path, effect=effect)


def body_of(stacks: Mapping[str, TemplateStack], path: str) -> Mapping[str, object]:
    """Return the text of a resource in its template."""
    stack, _, name = path.rpartition("/")
    found = stacks.get(stack)
    return mapping(mapping(found.template.get("Resources")).get(name)) if found else {}


def _differs(detail: ChangedProperty) -> bool:
    """Return whether both values are known and differ, such as after a change of the stack from outside."""
    is_known = detail.before is not None and detail.after is not None and detail.is_known
    return is_known and not is_unknown(detail.before) and detail.before != detail.after


def _may_be_unknown(stack: str, detail: ChangedProperty) -> bool:
    """Return whether a detail may exist only because of a value that is not known yet.

    This is possible for a nested stack's parameter: CloudFormation compares the placeholder that it gets with
    the previous value, and reports a static change. It is also possible for a detail whose cause is a
    resource that is listed only for such a value.
    """
    if detail.evaluation == "Dynamic":
        return True
    return bool(stack) if detail.source == PARAMETER_SOURCE else bool(detail.cause)


def _written(stacks: Mapping[str, TemplateStack], origin: Origin) -> tuple[object, str] | None:
    """Return the template text of a value that passes through a stack, and its known value."""
    stack = stacks.get(origin.path)
    if stack is None:
        return None
    if origin.kind is OriginKind.OUTPUT:
        value, scope = (
            mapping(mapping(stack.template.get("Outputs")).get(origin.name)).get("Value"),
            stack.scope,
        )
    else:
        parent = stacks[origin.path.rpartition("/")[0]]
        value, scope = stack.passed.get(origin.name), parent.scope
    return value, scope.partial(value)


def _is_twin(other: ChangedProperty, detail: ChangedProperty) -> bool:
    return bool(other.cause) and (other.path, other.name) == (detail.path, detail.name)


def _has_twin(resource: ChangedResource, detail: ChangedProperty) -> bool:
    """Return whether another detail of the same value names its cause: CloudFormation reports both."""
    return any(_is_twin(other, detail) for other in resource.properties)


def _identifies(attribute: str) -> bool:
    """Return whether an attribute keeps its value while its resource is updated in place: an id or ARN."""
    return not attribute or (attribute.endswith(_IDENTIFIERS) and "Version" not in attribute)
