"""The consequences of a change for each tier (servers, load balancers, databases) and their usual duration.

A tier is a nested stack of the root. Durations come from earlier runs; without any, they are omitted. The
method of replacing servers is read from the template.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.cloudformation.changes import ChangedResource, Changes, Effect
from deployments.cloudformation.conditions import mapping
from deployments.cloudformation.release_kind import PHASED, Release
from deployments.cloudformation.template_stacks import TemplateStack
from deployments.cloudformation.update_policies import ROLLS, Method, ServerUpdate, server_update
from deployments.cloudformation.usual_durations import DurationHistory

_REPLACED = (Effect.REPLACED, Effect.DELETES_DATA)
_MAY_BE_REPLACED = (Effect.MAY_BE_REPLACED, Effect.MAY_DELETE_DATA)
_GROUP, _ASSOCIATION = "AWS::AutoScaling::AutoScalingGroup", "AWS::SSM::Association"
_CHANGES_ADDRESS = ("AWS::ElasticLoadBalancingV2::LoadBalancer",)
_SERVES = (_GROUP, *_CHANGES_ADDRESS, "AWS::EC2::Instance", "AWS::RDS::DBInstance")
"""Types that interrupt connections when they are replaced, besides those that hold data."""
_INTERRUPTS: Mapping[str, tuple[str, ...]] = {
    "AWS::RDS::DBInstance": ("DBInstanceClass", "EngineVersion"),
    "AWS::RDS::DBCluster": ("EngineVersion",),
}
"""Properties whose change in place interrupts connections ("Update requires: Some interruptions")."""


class Likelihood(IntEnum):
    """Whether visitors notice a change, the most serious last."""

    NOT_EXPECTED = 0
    POSSIBLE = 1
    EXPECTED = 2


@dataclass(frozen=True, slots=True, order=True)
class Outage:
    """Whether visitors notice a change, and for how many minutes at most by earlier runs; 0 if unknown."""

    likelihood: Likelihood = Likelihood.NOT_EXPECTED
    minutes: int = 0

    @property
    def text(self) -> str:
        """Return it as text."""
        if self.likelihood is Likelihood.NOT_EXPECTED:
            return _("None expected")
        if self.likelihood is Likelihood.POSSIBLE:
            return _("Possible")
        if self.minutes:
            return _("Up to about %(n)d min") % {"n": self.minutes}
        return _("Yes; its duration is not known")


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedTier:
    """One tier. `minutes` is the usual duration, 0 if it is unknown.

    `replaces_servers`: an update of the stacks replaces servers, or may replace them.
    """

    name: str
    sentences: Sequence[str]
    minutes: int
    outages: Outage
    replaces_servers: bool = False

    @property
    def outage(self) -> str:
        """Return whether visitors notice the change, as text."""
        return self.outages.text


def tiers(
    changes: Changes,
    root: str,
    usual: DurationHistory,
    stacks: Mapping[str, TemplateStack],
    release: Release | None = None,
) -> list[AffectedTier]:
    """Return the tiers that change, including that of the servers if they get a release.

    `usual` are the durations of earlier updates, `stacks` those of the template set (none if it is unknown).
    """
    by_tier: dict[str, list[ChangedResource]] = {}
    released = tier_of(release) if release and release.kind in PHASED else None
    if released is not None:
        by_tier[released] = []
    for one in changes.resources:
        if one.effect not in (Effect.UNCHANGED, Effect.STACK):
            by_tier.setdefault(one.path.partition("/")[0] if one.stack else "", []).append(one)
    return [
        AffectedTier(
            name=name or root,
            sentences=[
                *([_released()] if name == released else []),
                *_sentences(resources, stacks),
            ],
            minutes=_minutes(resources, usual),
            outages=_outage(resources, usual, stacks, release if name == released else None),
            replaces_servers=any(_replaces_servers(one, stacks) for one in resources),
        )
        for name, resources in sorted(by_tier.items())
    ]


def outage_of_all(tiers: Sequence[AffectedTier]) -> Outage:
    """Return the most serious outage of a change: of several, one whose duration is not known."""
    return max((tier.outages for tier in tiers), key=_seriousness, default=Outage())


def _seriousness(one: Outage) -> tuple[int, float]:
    return one.likelihood, one.minutes or float("inf")


def tier_of(release: Release) -> str:
    """Return the name of the tier with the servers of a release."""
    return release.stack.partition("/")[0]


def _released() -> str:
    return _("Running servers get the new version one at a time.")


def _sentences(resources: Sequence[ChangedResource], stacks: Mapping[str, TemplateStack]) -> Iterator[str]:
    others: list[ChangedResource] = []
    for one in resources:
        own = list(_of(one, stacks))
        yield from own
        if not own:
            others.append(one)
    yield from _counted(others)


def _of(one: ChangedResource, stacks: Mapping[str, TemplateStack]) -> Iterator[str]:
    """Yield the sentences about a single resource."""
    if one.type == _GROUP:
        yield from _of_group(one, stacks)
    elif one.stays_probably:
        yield _("%(name)s is probably unchanged.") % {"name": one.name}
    elif one.effect == Effect.DELETES_DATA:
        yield _("The data of %(name)s is lost.") % {"name": one.name}
    elif one.effect == Effect.MAY_DELETE_DATA:
        yield _("The data of %(name)s may be lost.") % {"name": one.name}
    elif one.type in _CHANGES_ADDRESS and one.effect in _REPLACED:
        yield _("%(name)s is replaced: its address changes.") % {"name": one.name}
    elif one.type == _ASSOCIATION and one.effect == Effect.UPDATED:
        share = _written(one, "MaxConcurrency", stacks)
        if share:
            text = _("%(name)s runs again on its servers, on at most %(share)s of them at a time.")
        else:
            text = _("%(name)s runs again on its servers.")
        yield text % {"name": one.name, "share": share}


def _counted(others: Sequence[ChangedResource]) -> Iterator[str]:
    """Yield the number of resources with each effect, for those without their own sentence."""
    number = {effect: sum(one.effect == effect for one in others) for effect in Effect}
    texts = {
        Effect.REPLACED: ngettext(
            "%(n)d resource is replaced.", "%(n)d resources are replaced.", number[Effect.REPLACED]
        ),
        Effect.MAY_BE_REPLACED: ngettext(
            "%(n)d resource may be replaced.",
            "%(n)d resources may be replaced.",
            number[Effect.MAY_BE_REPLACED],
        ),
        Effect.UPDATED: ngettext(
            "%(n)d resource is updated in place.",
            "%(n)d resources are updated in place.",
            number[Effect.UPDATED],
        ),
        Effect.ADDED: ngettext(
            "%(n)d resource is created.", "%(n)d resources are created.", number[Effect.ADDED]
        ),
        Effect.REMOVED: ngettext(
            "%(n)d resource is deleted.", "%(n)d resources are deleted.", number[Effect.REMOVED]
        ),
    }
    for effect, text in texts.items():
        if number[effect]:
            yield text % {"n": number[effect]}


def _of_group(group: ChangedResource, stacks: Mapping[str, TemplateStack]) -> Iterator[str]:
    if group.effect in (Effect.ADDED, Effect.REMOVED):
        return
    if group.effect in _REPLACED:
        yield _("All servers are replaced by those of a new group.")
        return
    if group.effect == Effect.MAY_BE_REPLACED:
        yield _("The group may be replaced, and with it all servers.")
        return
    yield from _scaled(group)
    if _rolls(group):
        yield from _replaced_servers(_update_of(group, stacks))
    else:
        yield _("Running servers stay.")


def _scaled(group: ChangedResource) -> Iterator[str]:
    values = {one.name: (one.before, one.after) for one in group.properties if not one.likely_same}
    before, after = values.get("DesiredCapacity") or values.get("MaxSize") or (None, None)
    if not (before and after and before.isdigit() and after.isdigit()):
        return
    more = int(after) - int(before)
    if more > 0:
        yield ngettext("%(n)d server is added.", "%(n)d servers are added.", more) % {"n": more}
    elif more < 0:
        text = ngettext("%(n)d server is terminated.", "%(n)d servers are terminated.", -more)
        yield text % {"n": -more}


def _rolls(group: ChangedResource) -> bool:
    """Return whether the servers of a group are replaced; an UpdatePolicy determines how."""
    return any(one.name in ROLLS and not one.likely_same for one in group.properties)


def _update_of(group: ChangedResource, stacks: Mapping[str, TemplateStack]) -> ServerUpdate:
    stack = stacks.get(group.stack)
    if stack is None:
        return ServerUpdate(method=Method.UNKNOWN)
    return server_update(mapping(stack.resources.get(group.name)), stack.scope)


def _replaced_servers(update: ServerUpdate) -> Iterator[str]:
    if update.method is Method.NONE:
        yield _("Running servers stay: the group has no update policy. New servers follow the new template.")
    elif update.method is Method.GROUP:
        yield _("A new group with new servers is created, then the old one is deleted.")
    elif update.method is Method.UNKNOWN or update.batch is None:
        yield _("Servers are replaced as the group's update policy says.")
    else:
        yield _at_a_time(update)
        if update.in_service:
            text = ngettext(
                "At least %(n)d stays in service.", "At least %(n)d stay in service.", update.in_service
            )
            yield text % {"n": update.in_service}
        elif update.interrupts:
            yield _("None is in service meanwhile.")
        if update.waits:
            yield _("If a new one does not signal success, the update is rolled back.")


def _at_a_time(update: ServerUpdate) -> str:
    if update.capacity == 1:
        return _("The server is replaced.")
    if update.batch == 1 and update.capacity is None:
        return _("Servers are replaced one at a time.")
    if update.batch == 1:
        return _("%(n)d servers are replaced one at a time.") % {"n": update.capacity}
    return _("Servers are replaced at most %(n)d at a time.") % {"n": update.batch}


def _written(one: ChangedResource, name: str, stacks: Mapping[str, TemplateStack]) -> str:
    """Return the value of a property in the template; "" if there is none or it is not known beforehand."""
    stack = stacks.get(one.stack)
    body = mapping(stack.resources.get(one.name)) if stack else {}
    text = mapping(body.get("Properties")).get(name)
    return (stack.scope.literal(text) or "") if stack else ""


def _known(one: ChangedResource, usual: DurationHistory) -> float:
    known = usual.of(one.path, one.type)
    return known.seconds if known.runs else 0.0


def _minutes(resources: Sequence[ChangedResource], usual: DurationHistory) -> int:
    seconds = max((_known(one, usual) for one in resources), default=0.0)
    return max(1, round(seconds / 60)) if seconds else 0


def _replaces_servers(one: ChangedResource, stacks: Mapping[str, TemplateStack]) -> bool:
    """Return whether the servers of a group are or may be replaced."""
    if one.type != _GROUP or one.effect in (Effect.ADDED, Effect.REMOVED):
        return False
    if one.effect in (*_REPLACED, *_MAY_BE_REPLACED):
        return True
    return _rolls(one) and _update_of(one, stacks).method is not Method.NONE


def _outage(
    resources: Sequence[ChangedResource],
    usual: DurationHistory,
    stacks: Mapping[str, TemplateStack],
    release: Release | None,
) -> Outage:
    """Return whether visitors notice the change, and for how long if earlier runs provide it."""
    if release is not None and release.interrupts:
        return Outage(Likelihood.EXPECTED)
    if any(_is_replaced(one, _REPLACED) for one in resources):
        return Outage(Likelihood.EXPECTED)
    interrupting = [one for one in resources if _interrupts(one, stacks)]
    if interrupting:
        return Outage(Likelihood.EXPECTED, _minutes(interrupting, usual))
    if any(_is_replaced(one, _MAY_BE_REPLACED) for one in resources):
        return Outage(Likelihood.POSSIBLE)
    return Outage()


def _is_replaced(one: ChangedResource, effects: tuple[Effect, ...]) -> bool:
    return one.effect in effects and (bool(one.data) or one.type in _SERVES)


def _interrupts(one: ChangedResource, stacks: Mapping[str, TemplateStack]) -> bool:
    """Return whether an update in place interrupts connections."""
    if one.type == _GROUP:
        return _rolls(one) and _update_of(one, stacks).interrupts
    listed = _INTERRUPTS.get(one.type, ())
    return any(detail.name in listed and not detail.likely_same for detail in one.properties)
