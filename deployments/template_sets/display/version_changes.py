"""What a version of a template set changes, compared with another one of the set."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.template_sets.commands.stored_set import set_of_version
from deployments.template_sets.display.version_diff import VersionDiff, version_diff
from deployments.template_sets.models.versions import TemplateVersion

MAX_CHOICES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChanges:
    """What a version changes. `against` is the version that it is compared with, None if there is no other.

    `why_not` is why the two cannot be compared.
    """

    against: TemplateVersion | None = None
    choices: tuple[TemplateVersion, ...] = ()
    diff: VersionDiff | None = None
    why_not: str = ""


def changes_of(version: TemplateVersion, wanted: int) -> VersionChanges:
    """Return the changes since the version with the key `wanted` of the same set, or since the one before."""
    others = TemplateVersion.objects.of(version.source).exclude(pk=version.pk)
    against = others.filter(pk=wanted).first() or others.before_number(version.number).first()
    if against is None:
        return VersionChanges()
    choices = tuple(others[:MAX_CHOICES])
    try:
        diff = version_diff(set_of_version(against), set_of_version(version))
    except UserFixable as missing:
        return VersionChanges(against=against, choices=choices, why_not=error_text(missing))
    return VersionChanges(against=against, choices=choices, diff=diff)
