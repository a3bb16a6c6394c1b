"""The version of an environment and the one that its channel offers, for its pages and the list."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from deployments.cloudformation.status import DisplayStatus
from deployments.environments.display import badges
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets.commands.versions import files_that_differ
from deployments.template_sets.models.versions import TemplateVersion, updates_by_environment
from deployments.template_sets.rules.channels import DEFAULT_OF_BUNDLED, Updates, UpdateStatus, between

MAX_BETWEEN = 200
"""Maximum number of listed versions between two."""

SENTENCES = {
    UpdateStatus.NO_CHANNEL: gettext_lazy(
        "The environment follows no channel, so Sanso does not say when a newer version is available."
    ),
    UpdateStatus.UNKNOWN_VERSION: gettext_lazy("Sanso does not know which version this environment has."),
    UpdateStatus.NOTHING_MATCHES: gettext_lazy("No active version matches the channel."),
    UpdateStatus.UP_TO_DATE: gettext_lazy("This is the newest version of the channel."),
    UpdateStatus.AVAILABLE: gettext_lazy("Version %(target)s is available."),
    UpdateStatus.PAUSED: gettext_lazy(
        "Version %(target)s is not offered because the environment went back from version %(from)s. Newer "
        "versions will be offered. To be offered this version again, resume updates."
    ),
    UpdateStatus.MOVED_BACK: gettext_lazy(
        "The channel now points at %(target)s, which was fetched before the version of this environment. The "
        "branch was probably reset to an earlier commit."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentVersion:
    """The version of an environment and the channel's offer. `target` is the version to update to."""

    version: TemplateVersion | None
    updates: Updates
    target: TemplateVersion | None = None
    sentence: str = ""

    @property
    def is_available(self) -> bool:
        """Return whether an update is available."""
        return self.updates.is_available

    @property
    def badge(self) -> SafeString | str:
        """Return the badge of an available update; "" without one."""
        return update_badge() if self.is_available else ""

    @property
    def differing(self) -> tuple[str, ...]:
        """Return the files that differ between the environment's version and the target; () if not known."""
        if self.version is None or self.target is None:
            return ()
        return files_that_differ(self.version.digest, self.target.digest) or ()

    @property
    def offer(self) -> str:
        """Return the offer in a few words: “version 2: 1 file differs”."""
        name = self.target.name_in_text if self.target else ""
        number = len(self.differing)
        if not number:  # only packages or parameters differ, or a set is not stored
            return _("version %(version)s") % {"version": name}
        return ngettext(
            "version %(version)s: %(number)d file differs",
            "version %(version)s: %(number)d files differ",
            number,
        ) % {"version": name, "number": number}

    @property
    def default_channel(self) -> str:
        """Return the channel that new environments of the set follow; "" without one."""
        return DEFAULT_OF_BUNDLED if self.version and self.version.source.is_bundled else ""

    @property
    def is_paused(self) -> bool:
        """Return whether an update is held back until a person resumes updates."""
        return self.updates.situation is UpdateStatus.PAUSED

    @property
    def has_moved_back(self) -> bool:
        """Return whether the branch points at a version earlier than the environment's."""
        return self.updates.situation is UpdateStatus.MOVED_BACK


def update_badge() -> SafeString:
    """Return the badge of environments whose channel has a newer version."""
    return badges.badge(DisplayStatus.PROGRESS.value, "↑", _("Update available"))


def version_of(environment: Environment) -> EnvironmentVersion:
    """Return the version of one environment with its channel's offer (3 queries)."""
    offered = updates_by_environment([environment])[environment.pk]
    target = offered.target
    row = TemplateVersion.objects.filter(pk=target.pk).select_related("source").first() if target else None
    back_from = environment.went_back_from
    values = {
        "target": row.name_in_text if row else "",
        "from": back_from.name_in_text if back_from else "",
    }
    return EnvironmentVersion(
        version=environment.template_version,
        updates=offered,
        target=row,
        sentence=str(SENTENCES[offered.situation]) % values,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChange:
    """The versions of a deployment and of the one that it is based on; None if they are not known."""

    before: TemplateVersion | None
    after: TemplateVersion

    @property
    def is_same(self) -> bool:
        """Return whether the version stays."""
        return self.before is not None and self.before.pk == self.after.pk

    @property
    def is_withdrawn(self) -> bool:
        """Return whether the target version was withdrawn: only possible when going back."""
        return self.after.status == "withdrawn"


def version_change(deployment: Deployment) -> VersionChange | None:
    """Return the change of version by a deployment; None if it is not known."""
    after, base = deployment.template_version, deployment.base
    return VersionChange(before=base.template_version if base else None, after=after) if after else None


def with_update() -> list[int]:
    """Return the keys of all environments with an available update (3 queries)."""
    offered = updates_by_environment(Environment.objects.that_follow_a_channel())
    return [pk for pk, one in offered.items() if one.is_available]


def versions_between(one: TemplateVersion, other: TemplateVersion, channel: str) -> list[TemplateVersion]:
    """Return the versions after the earlier of two up to the later one, newest first; none across sets."""
    if one.source_id != other.source_id:
        return []
    low, high = sorted((one.number, other.number))
    rows = TemplateVersion.objects.between(one.source_id, low, high).order_by("-number")[:MAX_BETWEEN]
    found = {row.pk: row for row in rows}
    keys = between([row.facts for row in found.values()], one.facts, other.facts, channel)
    return [found[pk] for pk in keys]
