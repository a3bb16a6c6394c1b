"""The effects of a change set: replacements, data losses, and probably unchanged resources.

Data-bearing resources are never considered unchanged, whatever they use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from deployments.cloudformation.change_causes import Causes
from deployments.cloudformation.changes import Action, ChangedResource, Changes, Effect, LinkKind
from deployments.cloudformation.data_bearing import holds
from deployments.cloudformation.nested_templates import STACK, TemplateSide, TemplateStack, stacks_of
from deployments.cloudformation.resource_policies import RETAIN, SNAPSHOT, policies
from deployments.cloudformation.unresolved_changes import UnresolvedChanges, body_of

_KEPT = ("Retain", "ReplaceAndRetain")
_GONE = (Action.REMOVE, Action.REPLACE)


def judged(
    changes: Changes,
    before: TemplateSide | None,
    after: TemplateSide,
    parameters: Mapping[str, LinkKind],
) -> Changes:
    """Return the changes with their effects and causes.

    `before` is None if the templates of the last deployment are not known: then nothing is considered
    unchanged. `parameters` are the changed ones of the root stack, each with the kind of its cause.
    """
    old = stacks_of(before) if before else {}
    new = stacks_of(after)
    resources = (*changes.resources, *_in_removed_stacks(changes, before, old))
    bodies = {path: body_of(old, path) or body_of(new, path) for path in (one.path for one in resources)}
    known = [replace(one, data=holds(one.type, bodies[one.path])) for one in resources]
    # Changes that CloudFormation did not compute cannot be considered unchanged.
    rule = UnresolvedChanges(known, {} if changes.root_only else old, new, parameters)
    effects = [
        replace(
            one,
            effect=effect(one, rule).value,
            unchanged=rule.stays(one) or (),
            properties=tuple(
                replace(detail, likely_same=rule.is_same(one, detail)) for detail in one.properties
            ),
        )
        for one in known
    ]
    causes = Causes(new, effects, parameters)
    return replace(
        changes,
        resources=tuple(
            replace(
                one,
                properties=tuple(
                    replace(detail, because=causes.chain(one, detail)) for detail in one.properties
                ),
            )
            for one in effects
        ),
        files={path: stack.file for path, stack in (old | new).items()},
    )


def effect(resource: ChangedResource, rule: UnresolvedChanges) -> Effect:
    """Return the effect of a change."""
    if resource.is_stack:
        return Effect.STACK
    if rule.stays(resource) is not None and not resource.data:
        return Effect.UNCHANGED
    action = Action(resource.action)
    loses = bool(resource.data) and resource.policy_action not in _KEPT
    if action is Action.REMOVE:
        return Effect.DELETES_DATA if loses else Effect.REMOVED
    if rule.is_replaced(resource):
        return Effect.DELETES_DATA if loses else Effect.REPLACED
    if action is Action.DYNAMIC or resource.replacement == "Conditional":
        return Effect.MAY_DELETE_DATA if loses else _if_replaced(resource, rule)
    return {Action.ADD: Effect.ADDED, Action.IMPORT: Effect.IMPORTED}.get(action, Effect.UPDATED)


def _if_replaced(resource: ChangedResource, rule: UnresolvedChanges) -> Effect:
    """Return the effect of a change if CloudFormation does not know yet whether it replaces the resource."""
    if not resource.properties:
        return Effect.MAY_BE_REPLACED
    replacing = (one for one in resource.properties if one.recreation != "Never")
    return Effect.UPDATED if all(rule.is_same(resource, one) for one in replacing) else Effect.MAY_BE_REPLACED


def _in_removed_stacks(
    changes: Changes, before: TemplateSide | None, old: Mapping[str, TemplateStack]
) -> Iterator[ChangedResource]:
    """Yield the resources that are deleted with a nested stack; a change set lists only the stack."""
    listed = {one.path for one in changes.resources}
    gone = [one for one in changes.resources if one.is_stack and one.action in _GONE]
    if before is None or not gone:
        return
    kept = policies(before.templates, before.root, before.values)
    for stack in gone:
        inside = [other for path, other in old.items() if f"{path}/".startswith(f"{stack.path}/")]
        found = {one.at(name): body for one in inside for name, body in one.resources.items()}
        for path in sorted(found.keys() - listed):
            type_ = str(found[path].get("Type") or "")
            policy = {RETAIN: "Retain", SNAPSHOT: "Snapshot"}.get(kept.get(path, ""), "Delete")
            if type_ != STACK:
                yield ChangedResource(path=path, action=Action.REMOVE.value, type=type_, policy_action=policy)
