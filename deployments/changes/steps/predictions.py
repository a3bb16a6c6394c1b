"""The preview of a change: its change sets, the resulting changes, and whether the prediction was right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from deployments.aws.cloudformation import ChangeSet, ResourceChange
from deployments.cloudformation.change_effects import judged
from deployments.cloudformation.change_summary import (
    compare_with_events,
    replaced_after_all,
    uncertain_replacements,
)
from deployments.cloudformation.changes import ChangedProperty, ChangedResource, Changes, LinkKind, action_of
from deployments.cloudformation.drift import FoundState
from deployments.cloudformation.nested_templates import TemplateSide
from deployments.common.models.encryption import decrypt_values
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource
from deployments.stacks.shared import parameters
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.rules.local_diff import parameter_changes

NOTHING_ELSE = FoundState()


def preview_of(
    deployment: Deployment, tree: Mapping[str, ChangeSet], found: FoundState = NOTHING_ELSE
) -> Changes:
    """Return the changes of change sets, by the path of their stack, with their effects and causes.

    The side before is what AWS has: the last good deployment, with what else was `found`.
    """
    template_set = stored_sets.uploaded(deployment)
    base, before = _before(deployment, found)
    after = before | deployment.parameters | parameters.filled(deployment, template_set)
    declared = template_set.parameters
    differing = parameter_changes(
        before,
        {name: value for name, value in after.items() if name in declared or name in before},
        secrets=[name for name, one in declared.items() if one.no_echo],
        changed_secrets=list(decrypt_values(deployment.sealed_parameters)),
        old_defaults=base.defaults if base else None,
        new_defaults=template_set.defaults,
        undone=found.returning,
    )
    causes: dict[str, LinkKind] = {one.name: one.cause for one in differing}
    portals = (template_set.bucket_parameter, template_set.prefix_parameter, template_set.boundary_parameter)
    for name in portals:
        if name in causes:  # the portal sets them: they change with the files of the set
            causes[name] = LinkKind.DEFAULT
    return judged(
        replace(
            changes_of(tree, template_set.digest),
            root_only=deployment.is_root_only,
            root_only_reason=str(deployment.changes.get("root_only_reason", "")),
        ),
        # The stack has the images of the previous deployment; the environment's parameters leave them out.
        _side(base, deployment.base.images | before) if base and deployment.base else None,
        _side(template_set, after),
        causes,
    )


def _before(
    deployment: Deployment, found: FoundState
) -> tuple[template_files.TemplateSet | None, dict[str, str]]:
    """Return the template set and the values before a change; None if the set is not stored."""
    good = deployment.base
    values = {**deployment.environment.parameters, **(good.parameters if good else {})}
    digest = found.template_digest if found.template_digest != "" else good.template_digest if good else ""
    return stored_sets.find(digest or ""), values | {one.name: one.now for one in found.values}


def _side(template_set: template_files.TemplateSet, values: Mapping[str, str]) -> TemplateSide:
    return TemplateSide(templates=template_set.contents, root=template_set.root.name, values=values)


def changes_of(tree: Mapping[str, ChangeSet], template_digest: str) -> Changes:
    """Return CloudFormation's changes from the change sets of a tree, given by the path of their stack."""
    return Changes(
        template_digest=template_digest,
        computed=tuple(tree),
        resources=tuple(
            _resource(f"{path}/{change.logical_id}".lstrip("/"), change)
            for path, change_set in tree.items()
            for change in change_set.changes
        ),
    )


def _resource(path: str, change: ResourceChange) -> ChangedResource:
    return ChangedResource(
        path=path,
        action=action_of(change.action, change.replacement),
        type=change.type,
        physical_id=change.physical_id,
        replacement=change.replacement,
        policy_action=change.policy_action,
        scope=change.scope,
        properties=tuple(
            ChangedProperty(
                name=one.name,
                attribute=one.attribute,
                path=one.path,
                before=one.before,
                after=one.after,
                recreation=one.recreation,
                evaluation=one.evaluation,
                source=one.source,
                cause=one.causing_entity,
            )
            for one in change.details
        ),
    )


def digest(deployment: Deployment, changes: Changes) -> str:
    """Return the digest of the displayed and approved content: the changes, the template set, the parameters.

    For secrets, only their presence counts: `sealed_parameters` differs each time.
    """
    shown = [changes.digest, deployment.parameters, bool(deployment.sealed_parameters)]
    shown += [str(deployment.token), deployment.revision]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def keep_prediction(deployment: Deployment) -> None:
    """Store which resources predicted as unchanged have events, and which uncertain replacements happened."""
    if not deployment.changes:
        return
    changes = Changes.from_json(deployment.changes)
    touched = [one.path for one in Resource.objects.touched_in(deployment)]
    found: dict[str, object] = {"prediction": compare_with_events(changes, touched).to_json()}
    if uncertain_replacements(changes):
        found["replaced"] = replaced_after_all(changes, Event.objects.updated_ids(deployment))
    deployment.record(changes=deployment.changes | found)
