"""The effects of each changed parameter of the root stack, from the causing chains of properties."""

from __future__ import annotations

from collections.abc import Mapping

from deployments.cloudformation.changes import ChangedProperty, ChangedResource, Changes, Effect, LinkKind

_CHANGED = (LinkKind.PARAMETER, LinkKind.DEFAULT, LinkKind.OUTSIDE)
_REPLACING = (Effect.DELETES_DATA, Effect.MAY_DELETE_DATA, Effect.REPLACED, Effect.MAY_BE_REPLACED)
_LEFT_OUT = (Effect.UNCHANGED, Effect.STACK)


def parameter_effects(changes: Changes) -> Mapping[str, Mapping[Effect, tuple[ChangedResource, ...]]]:
    """Return the resources that change because of each parameter, the most serious effect first.

    A resource that is replaced only counts as updated for a parameter whose properties do not replace it.
    Probably unchanged resources are left out.
    """
    found: dict[str, dict[Effect, list[ChangedResource]]] = {}
    for resource in changes.resources:
        if resource.effect in _LEFT_OUT:
            continue
        for name, details in _by_parameter(resource).items():
            effect = _effect(resource, details)
            found.setdefault(name, {}).setdefault(effect, []).append(resource)
    return {
        name: {effect: tuple(of[effect]) for effect in Effect if effect in of} for name, of in found.items()
    }


def _by_parameter(resource: ChangedResource) -> dict[str, list[ChangedProperty]]:
    """Return the details of a resource by the parameter that their causing chain begins with."""
    found: dict[str, list[ChangedProperty]] = {}
    for detail in resource.properties:
        first = detail.because[0] if detail.because else None
        if first is not None and first.kind in _CHANGED and not detail.likely_same:
            found.setdefault(first.name, []).append(detail)
    return found


def _effect(resource: ChangedResource, details: list[ChangedProperty]) -> Effect:
    effect = Effect(resource.effect)
    if effect in _REPLACING and all(detail.recreation == "Never" for detail in details):
        return Effect.UPDATED
    return effect
