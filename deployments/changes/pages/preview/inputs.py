"""The differences known before CloudFormation responds, and the changed parameters with their effects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.changes.models.assessments import find_set
from deployments.changes.texts.assessment import names_text
from deployments.cloudformation.change_summary import parameter_effects
from deployments.cloudformation.changes import ChangedResource, Changes, Effect
from deployments.common.models.encryption import encrypted_names
from deployments.environments.models.deployments import Deployment
from deployments.template_sets.commands.versions import stored_set
from deployments.template_sets.rules.local_diff import (
    ChangedFile,
    LocalDiff,
    ParameterChange,
    file_changes,
    parameter_changes,
)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterRow:
    """A changed parameter with the sentences about its effects, each with the effect of its color."""

    change: ParameterChange
    effects: Sequence[tuple[str, str]]


def parameter_rows(diff: LocalDiff, changes: Changes) -> list[ParameterRow]:
    """Return the changed parameters in their order."""
    effects = parameter_effects(changes)
    return [
        ParameterRow(change=one, effects=list(_sentences(effects.get(one.name, {}))))
        for one in diff.parameters
    ]


def _sentences(effects: Mapping[Effect, Sequence[ChangedResource]]) -> Iterator[tuple[str, str]]:
    for effect, resources in effects.items():
        yield str(effect), _sentence(effect) % {"names": names_text([one.name for one in resources])}


def _sentence(effect: Effect) -> str:
    return {
        Effect.DELETES_DATA: _("Deletes the data of %(names)s"),
        Effect.MAY_DELETE_DATA: _("May delete the data of %(names)s"),
        Effect.REPLACED: _("Replaces %(names)s"),
        Effect.REMOVED: _("Removes %(names)s"),
        Effect.MAY_BE_REPLACED: _("May replace %(names)s"),
        Effect.ADDED: _("Adds %(names)s"),
        Effect.IMPORTED: _("Imports %(names)s"),
    }.get(effect, _("Updates %(names)s in place"))
