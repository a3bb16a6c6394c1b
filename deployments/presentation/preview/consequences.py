"""What a change means for each tier: servers, load balancers, databases, and how long that usually takes.

A tier is a nested stack of the root. Durations are those of earlier runs; without any, none is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.core.changes import ChangedResource, Changes, Effect
from deployments.core.usual_durations import DurationHistory

_REPLACED = (Effect.REPLACED, Effect.DELETES_DATA)
_GROUP, _TEMPLATE = "AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::LaunchTemplate"
_CHANGES_ADDRESS = ("AWS::ElasticLoadBalancingV2::LoadBalancer",)
_INTERRUPTS: Mapping[str, tuple[str, ...]] = {
    "AWS::RDS::DBInstance": ("DBInstanceClass", "EngineVersion"),
    "AWS::RDS::DBCluster": ("EngineVersion",),
}
"""Properties whose change in place interrupts connections ("Update requires: Some interruptions")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One tier. `minutes` is the usual duration, 0 if it is unknown."""

    name: str
    sentences: Sequence[str]
    minutes: int
    outage: str


def tiers(changes: Changes, root: str, usual: DurationHistory) -> list[Tier]:
    """Return the tiers that change. `usual` are the durations of earlier updates."""
    by_tier: dict[str, list[ChangedResource]] = {}
    for one in changes.resources:
        if one.effect not in (Effect.UNCHANGED, Effect.STACK):
            by_tier.setdefault(one.path.partition("/")[0] if one.stack else "", []).append(one)
    return [
        Tier(
            name=name or root,
            sentences=list(_sentences(resources)),
            minutes=_minutes(resources, usual),
            outage=_outage(resources, usual),
        )
        for name, resources in sorted(by_tier.items())
    ]


def _sentences(resources: Sequence[ChangedResource]) -> Iterator[str]:
    templates = [one for one in resources if one.type == _TEMPLATE and one.effect != Effect.ADDED]
    for one in resources:
        if one.type == _GROUP:
            yield from _of_group(one, is_new_image=bool(templates))
        if one.type in _CHANGES_ADDRESS and one.effect in _REPLACED:
            yield _("%(name)s is replaced: its address changes.") % {"name": one.name}
        if one.data and one.effect in (Effect.DELETES_DATA, Effect.MAY_DELETE_DATA):
            yield _("The data of %(name)s is lost.") % {"name": one.name}
        if one.type == "AWS::SSM::Association":
            yield _("%(name)s runs again on its servers.") % {"name": one.name}
    others = sum(one.effect == Effect.UPDATED and one.type != _GROUP for one in resources)
    if others:
        text = ngettext(
            "%(n)d resource is updated in place.", "%(n)d resources are updated in place.", others
        )
        yield text % {"n": others}


def _of_group(group: ChangedResource, *, is_new_image: bool) -> Iterator[str]:
    if group.effect == Effect.ADDED:
        return
    if group.effect in _REPLACED:
        yield _("All servers are replaced by a new group.")
        return
    values = {one.name: (one.before, one.after) for one in group.properties if not one.likely_same}
    before, after = values.get("DesiredCapacity") or values.get("MaxSize") or (None, None)
    if before and after and before.isdigit() and after.isdigit():
        more = int(after) - int(before)
        if more > 0:
            text = ngettext("%(n)d server is added.", "%(n)d servers are added.", more)
            yield text % {"n": more}
        elif more < 0:
            text = ngettext("%(n)d server is terminated.", "%(n)d servers are terminated.", -more)
            yield text % {"n": -more}
    if is_new_image:
        yield _("Servers are replaced as the group's update policy says, one at a time by default.")
    else:
        yield _("Running servers stay.")


def _known(one: ChangedResource, usual: DurationHistory) -> float:
    known = usual.of(one.path, one.type)
    return known.seconds if known.runs else 0.0


def _minutes(resources: Sequence[ChangedResource], usual: DurationHistory) -> int:
    seconds = max((_known(one, usual) for one in resources), default=0.0)
    return max(1, round(seconds / 60)) if seconds else 0


def _outage(resources: Sequence[ChangedResource], usual: DurationHistory) -> str:
    interrupting = [one for one in resources if _interrupts(one)]
    if not interrupting:
        return _("None expected")
    minutes = _minutes(interrupting, usual)
    return _("About %(n)d min") % {"n": minutes} if minutes else _("Yes; its duration is not known yet")


def _interrupts(one: ChangedResource) -> bool:
    if one.effect in _REPLACED and (one.data or one.type in (_GROUP, *_CHANGES_ADDRESS)):
        return True
    listed = _INTERRUPTS.get(one.type, ())
    return any(detail.name in listed and not detail.likely_same for detail in one.properties)
