"""Summary of a change: resources by effect, hazards, the effects of each parameter, and hit rates."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from deployments.cloudformation.changes import (
    Action,
    ChangedProperty,
    ChangedResource,
    Changes,
    Effect,
    LinkKind,
)
from deployments.common.errors import Message
from deployments.common.message_codes import Code


def counts(changes: Changes) -> dict[Effect, int]:
    """Return the number of resources with each effect, the most serious first; stacks are not counted."""
    effects = [Effect(one.effect) for one in changes.resources]
    return {one: effects.count(one) for one in Effect if one is not Effect.STACK and one in effects}


def changed_values(resource: ChangedResource) -> list[ChangedProperty]:
    """Return one detail of each value that changes, the one that names its cause; replacing ones first."""
    best: dict[str, ChangedProperty] = {}
    for one in resource.properties:
        if not one.likely_same and (one.label not in best or (one.cause and not best[one.label].cause)):
            best[one.label] = one
    order = {"Always": 0, "Conditionally": 1}
    return sorted(best.values(), key=lambda one: order.get(one.recreation, 2))


def hazards(changes: Changes) -> tuple[ChangedResource, ...]:
    """Return the data-bearing resources whose data is or may be lost, or stays behind: a person must confirm
    them."""
    return tuple(one for one in changes.resources if _is_hazard(one))


def _is_hazard(resource: ChangedResource) -> bool:
    if resource.effect in (Effect.DELETES_DATA, Effect.MAY_DELETE_DATA):
        return True
    # The old one is retained, and the new one is empty.
    return bool(resource.data) and resource.action == Action.REPLACE


def not_computed(changes: Changes) -> tuple[str, ...]:
    """Return the paths of the nested stacks that change in ways that CloudFormation did not compute."""
    if not changes.root_only:
        return ()
    # A new one has no data yet; the templates determine what is deleted with an old one.
    stays = (Action.ADD, Action.REMOVE)
    return tuple(one.path for one in changes.resources if one.is_stack and one.action not in stays)


def may_lose_data(changes: Changes) -> bool:
    """Return whether data is or may be lost: a person must confirm that."""
    return bool(hazards(changes) or not_computed(changes))


def surely_changed(changes: Changes) -> list[str]:
    """Return the paths of the resources that CloudFormation certainly updates, replaces or removes."""
    unsure = (Effect.UNCHANGED, Effect.STACK)
    return [one.path for one in changes.resources if one.effect not in unsure]


def may_change(changes: Changes, path: str) -> bool:
    """Return whether a resource may change although it is not certain, as far as CloudFormation tells.

    It is listed because of values that are not known yet, or is in a stack that was not computed.
    """
    listed = any(one.path == path and one.effect == Effect.UNCHANGED for one in changes.resources)
    return listed or any(path.startswith(f"{stack}/") for stack in not_computed(changes))


def uncertain_replacements(changes: Changes) -> tuple[ChangedResource, ...]:
    """Return the resources of which CloudFormation decides during the update whether it replaces them."""
    unsure = (Effect.MAY_BE_REPLACED, Effect.MAY_DELETE_DATA)
    return tuple(one for one in changes.resources if one.effect in unsure or one.is_probably_in_place)


def replaced_after_all(changes: Changes, updated: Mapping[str, Collection[str]]) -> dict[str, bool]:
    """Return which of the uncertain replacements happened, by path; without those whose id was not known.

    `updated` are the physical ids that each resource had when CloudFormation had updated it.
    """
    known = [one for one in uncertain_replacements(changes) if one.physical_id]
    return {one.path: bool(set(updated.get(one.path, ())) - {one.physical_id, ""}) for one in known}


def replaces(changes: Changes) -> bool:
    """Return whether a resource is or may be replaced: CloudFormation then rejects DisableRollback.

    Probably unchanged resources do not count.
    """
    return bool(not_computed(changes)) or any(
        one.action in (Action.REPLACE, Action.DYNAMIC) or one.replacement in ("True", "Conditional")
        for one in changes.resources
        if one.effect != Effect.UNCHANGED
    )


def surely_replaced(changes: Changes) -> tuple[ChangedResource, ...]:
    """Return the certain replacements: a retry, whose rollback is disabled, would fail at them."""
    return tuple(
        one for one in changes.resources if one.action == Action.REPLACE and one.effect != Effect.UNCHANGED
    )


def keep_refusal(changes: Changes, *, is_retry: bool = False, is_express: bool = False) -> Message | None:
    """Return why a failure of these changes cannot be kept; None if it can.

    A retry is refused only for certain replacements: it cannot be applied in another way. Express
    mode has no such choice.
    https://github.com/aws/aws-cdk/issues/30546
    """
    if not is_retry:
        if is_express:
            return Message(Code.EXPRESS_NOT_KEPT)
        return Message(Code.KEEP_WITHOUT_REPLACEMENT) if replaces(changes) else None
    replaced = surely_replaced(changes)
    if not replaced:
        return None
    return Message(Code.RETRY_WITHOUT_REPLACEMENT, {"resources": ", ".join(one.name for one in replaced)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The number of resources predicted as unchanged, and the paths of those that changed after all."""

    predicted: int = 0
    wrong: tuple[str, ...] = ()

    @property
    def right(self) -> int:
        """Return the number of correct predictions."""
        return self.predicted - len(self.wrong)

    def to_json(self) -> dict[str, object]:
        """Return it in the form of a JSON column."""
        return {"predicted": self.predicted, "wrong": list(self.wrong)}

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> Prediction | None:
        """Read the output of `to_json`; return None for an empty column."""
        predicted, wrong = stored.get("predicted"), stored.get("wrong")
        if not isinstance(predicted, int) or not isinstance(wrong, list):
            return None
        return cls(predicted=predicted, wrong=tuple(map(str, wrong)))


def compare_with_events(changes: Changes, touched: Collection[str]) -> Prediction:
    """Compare the predictions with the paths of the resources that have events in the run."""
    predicted = [one.path for one in changes.resources if one.effect == Effect.UNCHANGED]
    return Prediction(predicted=len(predicted), wrong=tuple(sorted(set(predicted) & set(touched))))


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
