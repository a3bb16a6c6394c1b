"""The card of a preview about running servers: what happens to them, and whether an outage is expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.core.release_kind import Release, ReleaseKind
from deployments.presentation.preview.consequences import Tier, tier_of
from deployments.wording import message_text


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCard:
    """What the card shows. `warning` is "" if no outage is expected."""

    label: str
    reason: str
    steps: Sequence[str]
    outage: str
    warning: str = ""
    files: Sequence[str] = ()
    more: int = 0


def release_card(release: Release | None, tiers: Sequence[Tier]) -> ReleaseCard | None:
    """Return the card; None if the template set declares no release. `tiers` are those of the same page."""
    if release is None:
        return None
    outages = {tier.name: tier.outage for tier in tiers}
    return ReleaseCard(
        label=_LABELS[release.kind](),
        reason=message_text(release.reason),
        steps=list(_steps(release)),
        outage=outages.get(tier_of(release)) or _("None expected"),
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


def _steps(release: Release) -> Iterator[str]:
    if release.kind is ReleaseKind.NONE:
        yield _("Running servers keep the version that they have.")
    elif release.kind is ReleaseKind.REPLACEMENT:
        yield _("CloudFormation replaces the servers as the update policy of their group says.")
        yield _("New servers are configured with the new version before they serve.")
    else:
        yield _("The new version is unpacked beside the present one, and loaded before it serves.")
        if release.kind is ReleaseKind.CODE:
            yield _("Workers take it over one after the other. The port stays open; no request is cut off.")
        else:
            yield _("Packages, settings and services are changed where they differ; services may restart.")
