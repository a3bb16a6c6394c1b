"""The parameters that a change sets to other values, each with its effects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.changes.texts.assessment import names_text
from deployments.cloudformation.change_summary import parameter_effects
from deployments.cloudformation.changes import ChangedResource, Changes, Effect
from deployments.template_sets.rules.local_diff import LocalDiff, ParameterChange


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
