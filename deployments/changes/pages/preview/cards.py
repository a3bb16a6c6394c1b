"""The cards of a preview: assessment, when it is ready, release, changes from outside, hidden stacks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from deployments.changes.pages.preview.texts import data_label
from deployments.changes.rules.assessment import AffectedTier, ChangeAssessment, ChangeDuration, Likelihood
from deployments.changes.texts.assessment import outage_text, replaced_text, sentence
from deployments.cloudformation.change_summary import not_computed
from deployments.cloudformation.changes import Changes
from deployments.cloudformation.data_bearing import holds
from deployments.cloudformation.drift import FoundState, FoundValue
from deployments.cloudformation.nested_templates import TemplateStack
from deployments.cloudformation.release_kind import Release, ReleaseKind
from deployments.common.message_codes import Code
from deployments.common.pages.datetime_formats import zone_name
from deployments.common.texts import message_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.stacks.display.eta import ChangeForecast, change_forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentCard:
    """The content of the card. `interrupted` are the stacks with the outage."""

    sentence: str
    replaced: str
    outage: str
    is_noticed: bool
    interrupted: Sequence[str]
    keeps_data: bool
    forecast: ChangeForecast | None
    ready: ReadyAt | None


def assessment_card(deployment: Deployment, found: ChangeAssessment, now: datetime) -> AssessmentCard:
    """Return the card of a change."""
    is_noticed = found.outage.likelihood is not Likelihood.NOT_EXPECTED
    root, takes = deployment.environment.stack_name, found.duration
    return AssessmentCard(
        sentence=sentence(found),
        replaced=replaced_text(found),
        outage=outage_text(found.outage),
        is_noticed=is_noticed,
        interrupted=[tier.name or root for tier in found.tiers if is_noticed and tier.outage == found.outage],
        keeps_data=not (found.lost or found.may_be_lost or found.not_computed),
        forecast=change_forecast(
            deployment.environment.account, takes.seconds, takes.low, takes.high, takes.runs
        )
        if takes
        else None,
        ready=ready_at(deployment, takes, now),
    )


MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyAt:
    """The time with its range in the current zone, to the minute.

    `offsets` are the same in seconds from the beginning of the change: the page's script moves the times of a
    change that is not scheduled yet.
    """

    middle: str
    low: str
    high: str
    zone: str
    offsets: str
    is_planned: bool


def ready_at(deployment: Deployment, duration: ChangeDuration | None, now: datetime) -> ReadyAt | None:
    """Return when the environment is ready if a change begins now or at its scheduled time.

    Return None without a forecast, and while the beginning of the change is unknown.
    """
    state = State(deployment.state)
    if duration is None or state not in (State.PREVIEW, State.SCHEDULED):
        return None
    planned = deployment.scheduled_for if state is State.SCHEDULED else None
    start = (planned or now).timestamp()
    middle = _minute(round((start + duration.seconds) / MINUTE))
    return ReadyAt(
        middle=f"{middle:%Y-%m-%d %H:%M}" if planned else f"{middle:%H:%M}",
        low=f"{_minute(math.floor((start + duration.low) / MINUTE)):%H:%M}",
        high=f"{_minute(math.ceil((start + duration.high) / MINUTE)):%H:%M}",
        zone=zone_name(middle),
        offsets=f"{duration.seconds:.0f} {duration.low:.0f} {duration.high:.0f}",
        is_planned=planned is not None,
    )


def _minute(minutes: int) -> datetime:
    """Return a local time from its minutes since 1970."""
    return timezone.localtime(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideNote:
    """The values that the change replaces and keeps, and the templates that it replaces.

    `is_unreadable`: the templates in AWS cannot be compared; `is_same`: nothing that can be compared differs.
    """

    undone: Sequence[FoundValue]
    kept: Sequence[FoundValue]
    templates: Sequence[str]
    is_unreadable: bool
    is_same: bool

    @property
    def number(self) -> int:
        """Return how many of the changes are overwritten."""
        return len(self.undone) + len(self.templates)

    @property
    def total(self) -> int:
        """Return how many changes were found."""
        return self.number + len(self.kept)


def outside_note(found: FoundState) -> OutsideNote | None:
    """Return the note; None if nothing was changed outside of Sanso."""
    values = [one for one in found.values if one.is_outside]
    if not (values or found.is_outside):
        return None
    is_unreadable = found.is_outside and found.template_digest is None
    return OutsideNote(
        undone=[one for one in values if one.is_undone],
        kept=[one for one in values if not one.is_undone],
        templates=found.undone,
        is_unreadable=is_unreadable,
        is_same=not (values or is_unreadable or found.template_digest),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenStack:
    """A nested stack with the data-bearing resources in it and below, each with the kind of data."""

    name: str
    data: Sequence[str]


def hidden_stacks(changes: Changes, stacks: Mapping[str, TemplateStack]) -> list[HiddenStack]:
    """Return the nested stacks whose changes the preview does not show.

    `stacks` are those of the template set, empty if it is not known.
    """
    paths = not_computed(changes)
    return [HiddenStack(name=path, data=list(_data_below(path, stacks))) for path in paths]


def _data_below(path: str, stacks: Mapping[str, TemplateStack]) -> Iterator[str]:
    for at, stack in stacks.items():
        if f"{at}/".startswith(f"{path}/"):
            for name, body in stack.resources.items():
                if data := holds(str(body.get("Type") or ""), body):
                    yield _("%(name)s (%(data)s)") % {"name": name, "data": data_label(data)}
