"""The differences known before CloudFormation responds, from the rows and template sets of both sides."""

from __future__ import annotations

from deployments.changes.models.assessments import find_set
from deployments.common.models.encryption import encrypted_names
from deployments.environments.models.deployments import Deployment
from deployments.template_sets.commands.versions import stored_set
from deployments.template_sets.rules.local_diff import ChangedFile, LocalDiff, file_changes, parameter_changes
from deployments.template_sets.template_files.manifest import sources
from deployments.template_sets.template_files.template_set import TemplateSet


def local_diff(deployment: Deployment, new: TemplateSet | None) -> LocalDiff:
    """Return the differences between a change and what AWS has: the last good one and what else was found.

    `new` is the template set of the change; None if it is not stored.
    """
    base, found = deployment.base, deployment.found
    old = _set_before(deployment)
    old_defaults, new_defaults = old.defaults if old else {}, new.defaults if new else {}
    before = old_defaults | base.parameters if base else {}
    before |= {one.name: one.now for one in found.values if one.name in before}
    parameters = parameter_changes(
        before,
        new_defaults | deployment.parameters,
        secrets=[name for name, one in new.parameters.items() if one.no_echo] if new else (),
        changed_secrets=encrypted_names(deployment.sealed_parameters),
        old_defaults=old_defaults,
        new_defaults=new_defaults,
        undone=found.returning,
    )
    templates: tuple[ChangedFile, ...] = ()
    artifacts: tuple[ChangedFile, ...] = ()
    if old and new and old.digest != new.digest:
        templates = file_changes(_templates(old), _templates(new))
        artifacts = file_changes(_artifacts(old), _artifacts(new))
    return LocalDiff(
        parameters=parameters, templates=templates, artifacts=artifacts, set_unknown=not (old and new)
    )


def _set_before(deployment: Deployment) -> TemplateSet | None:
    """Return the set with the templates that AWS had before a change; None if it is not stored."""
    digest = deployment.found.template_digest
    if digest == "":
        return find_set(deployment.base) if deployment.base else None
    return stored_set(digest) if digest else None


def _templates(template_set: TemplateSet) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in template_set.templates}


def _artifacts(template_set: TemplateSet) -> dict[str, bytes]:
    """Return the sources of each artifact as one text, for counting lines."""
    return {
        one.key: b"\n".join(name.encode() + b"\n" + path.read_bytes() for name, path in sources(one))
        for one in template_set.artifacts
    }
