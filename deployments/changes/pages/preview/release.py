"""The card of a preview about running servers: the release that they get."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.changes.rules.assessment import AffectedTier
from deployments.cloudformation.release_kind import Release, ReleaseKind
from deployments.common.message_codes import Code
from deployments.common.texts import message_text


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCard:
    """The content of the card. `warning` is "" if the release interrupts nothing."""

    label: str
    reason: str
    steps: Sequence[str]
    warning: str = ""
    files: Sequence[str] = ()
    more: int = 0


def release_card(release: Release | None, tiers: Sequence[AffectedTier]) -> ReleaseCard | None:
    """Return the card; None if the template set declares no release. `tiers` are those of the same page."""
    if release is None:
        return None
    return ReleaseCard(
        label=_("New servers") if _is_first(release) else kind_label(release.kind),
        reason=message_text(release.reason),
        steps=list(_steps(release, replaces_servers=any(tier.replaces_servers for tier in tiers))),
        warning=_("There is one server, and it does not serve while it is changed: the site has an outage.")
        if release.interrupts
        else "",
        files=release.files,
        more=release.number - len(release.files),
    )


_LABELS = {
    ReleaseKind.NONE: lambda: _("No release"),
    ReleaseKind.CODE: lambda: _("Code release"),
    ReleaseKind.DISRUPTIVE: lambda: _("Disruptive release"),
    ReleaseKind.REPLACEMENT: lambda: _("Replacement"),
}


def kind_label(kind: ReleaseKind) -> str:
    """Return the name of a kind of release."""
    return _LABELS[kind]()


def _is_first(release: Release) -> bool:
    """Return whether the group of the servers is only created, such as by a retry of a failed creation."""
    return release.reason.code == Code.RELEASE_GROUP_CREATED


def _steps(release: Release, *, replaces_servers: bool) -> Iterator[str]:
    if release.kind is ReleaseKind.NONE and replaces_servers:
        yield _("No version is released, but CloudFormation replaces servers, or may replace them.")
    elif release.kind is ReleaseKind.NONE:
        yield _("Running servers keep the version that they have.")
    elif _is_first(release):
        yield _("There are no servers yet. New ones are configured with this version before they serve.")
    elif release.kind is ReleaseKind.REPLACEMENT:
        yield _("CloudFormation replaces the servers as the update policy of their group says.")
        yield _("New servers are configured with the new version before they serve.")
    else:
        if release.kind is ReleaseKind.DISRUPTIVE:
            yield _("One server leaves its target groups; requests in progress end first.")
            yield _(
                "It gets the new version, packages and settings, is registered again, and must be healthy."
            )
        else:
            yield _("One server first: the new version is unpacked beside the present one, and loaded.")
            yield _("Workers take it over one after the other. The port stays open; no request is cut off.")
        if release.servers != 1:
            yield _("Its errors, latency and health are watched; then the others follow one at a time.")
        yield _(
            "The first failure stops the release, or lets it go back if you choose that. CloudFormation "
            "changes the stacks after the servers."
        )
