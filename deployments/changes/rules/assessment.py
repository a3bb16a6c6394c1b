"""The assessment of a change: what it replaces, whether visitors notice it, and how long it takes.

Every place that says so reads the same `ChangeAssessment`. A tier is a nested stack of the root. Durations
come from earlier runs; the method of replacing servers is read from the template.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Self

from deployments.cloudformation.change_summary import counts, hazards, not_computed
from deployments.cloudformation.changes import ChangedResource, Changes, Effect
from deployments.cloudformation.conditions import mapping
from deployments.cloudformation.nested_templates import TemplateStack
from deployments.cloudformation.observed_resources import GROUP
from deployments.cloudformation.release_kind import PHASED, Release
from deployments.cloudformation.resource_policies import ROLLS, Method, ServerUpdate, server_update
from deployments.cloudformation.usual_durations import DurationHistory

REPLACED = (Effect.REPLACED, Effect.DELETES_DATA)
MAY_BE_REPLACED = (Effect.MAY_BE_REPLACED, Effect.MAY_DELETE_DATA)
CHANGES_ADDRESS = ("AWS::ElasticLoadBalancingV2::LoadBalancer",)
_SERVES = (GROUP, *CHANGES_ADDRESS, "AWS::EC2::Instance", "AWS::RDS::DBInstance")
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


class Impact(StrEnum):
    """What an update in place of a resource does to what runs in it."""

    REPLACES_SERVERS = "replaces_servers"
    INTERRUPTS = "interrupts"


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedTier:
    """One tier, "" for the root stack. `minutes` is the usual duration, 0 if it is unknown.

    `replaces_servers`: an update of the stacks replaces servers, or may replace them. `is_released`: its
    servers get a release.
    """

    name: str
    resources: Sequence[ChangedResource] = ()
    minutes: int = 0
    outage: Outage = Outage()
    replaces_servers: bool = False
    is_released: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDuration:
    """The seconds from Apply until the environment is ready; `runs` is the number of earlier changes."""

    seconds: float
    low: float
    high: float
    runs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAssessment:
    """The assessment of a change.

    `counts` are the resources by effect, the most serious first. `lost` and `may_be_lost` are the names of
    those whose data is or may be lost, `not_computed` the paths of nested stacks whose changes are not known.
    `servers` is the number of servers that are replaced (None if there are some and their number is not
    known), `others_replaced` that of replaced resources without data and servers. `interrupted` are the names
    of what drops its connections, `in_place` the number of others that are updated in place. `released` is
    the number of servers that get a release, None if none do or it is not known. `impacts` are by path.
    """

    counts: Mapping[Effect, int]
    lost: tuple[str, ...] = ()
    may_be_lost: tuple[str, ...] = ()
    not_computed: tuple[str, ...] = ()
    servers: int | None = 0
    others_replaced: int = 0
    interrupted: tuple[str, ...] = ()
    in_place: int = 0
    releases: bool = False
    released: int | None = None
    outage: Outage = Outage()
    duration: ChangeDuration | None = None
    tiers: tuple[AffectedTier, ...] = ()
    impacts: Mapping[str, Impact] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what its sentence needs, in the form of a JSON column."""
        stored = {name: getattr(self, name) for name in _STORED}
        lists = {name: list(value) for name, value in stored.items() if isinstance(value, tuple)}
        return (
            stored
            | lists
            | {
                "counts": {str(effect): number for effect, number in self.counts.items()},
                "outage": {"likelihood": self.outage.likelihood.name.lower(), "minutes": self.outage.minutes},
            }
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read the output of `to_json`."""
        given = {name: stored[name] for name in _STORED if name in stored}
        lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
        outage = stored["outage"]
        return cls(
            **given | lists,
            counts={Effect(name): number for name, number in stored["counts"].items()},
            outage=Outage(Likelihood[outage["likelihood"].upper()], outage["minutes"]),
        )


_STORED = (
    "lost", "may_be_lost", "not_computed", "servers", "others_replaced", "interrupted", "in_place",
    "releases", "released",
)  # fmt: skip
"""The fields that are stored as they are."""


def assessment(
    changes: Changes,
    usual: DurationHistory,
    stacks: Mapping[str, TemplateStack],
    release: Release | None = None,
    duration: ChangeDuration | None = None,
) -> ChangeAssessment:
    """Return the assessment of a change.

    `usual` are the durations of earlier updates, `stacks` those of the template set (none if it is unknown),
    and `duration` is that of the entire change, None without a forecast.
    """
    impacts = {one.path: impact for one in changes.resources if (impact := _impact(one, stacks))}
    tiers = tuple(_tiers(changes, usual, stacks, release))
    hidden = not_computed(changes)
    # What changes in stacks that are not computed is decided during the update.
    unknown = [AffectedTier(name=path, outage=Outage(Likelihood.POSSIBLE)) for path in hidden]
    lost = [one for one in hazards(changes) if one.effect != Effect.MAY_DELETE_DATA]
    groups = [one for one in changes.resources if one.type == GROUP and _replaces_all(one, impacts)]
    released = release if release is not None and release.kind in PHASED else None
    return ChangeAssessment(
        counts=counts(changes),
        lost=_names(lost),
        may_be_lost=_names(_with(changes, Effect.MAY_DELETE_DATA)),
        not_computed=hidden,
        servers=_number_of_servers(groups, stacks),
        others_replaced=sum(one not in (*groups, *lost) for one in _with(changes, Effect.REPLACED)),
        interrupted=_names(one for one in changes.resources if impacts.get(one.path) == Impact.INTERRUPTS),
        in_place=len(_with(changes, Effect.UPDATED)) - len(impacts),
        releases=released is not None,
        released=released.servers if released else None,
        outage=outage_of_all([*tiers, *unknown]),
        duration=duration,
        tiers=tiers,
        impacts=impacts,
    )


def _with(changes: Changes, effect: Effect) -> list[ChangedResource]:
    return [one for one in changes.resources if one.effect == effect]


def _names(resources: Iterable[ChangedResource]) -> tuple[str, ...]:
    return tuple(one.name for one in resources)


def outage_of_all(tiers: Sequence[AffectedTier]) -> Outage:
    """Return the most serious outage of a change: of several, one whose duration is not known."""
    return max((tier.outage for tier in tiers), key=_seriousness, default=Outage())


def _seriousness(one: Outage) -> tuple[int, float]:
    return one.likelihood, one.minutes or float("inf")


def _tiers(
    changes: Changes,
    usual: DurationHistory,
    stacks: Mapping[str, TemplateStack],
    release: Release | None,
) -> Iterator[AffectedTier]:
    """Yield the tiers that change, including that of the servers if they get a release."""
    by_tier: dict[str, list[ChangedResource]] = {}
    released = release.stack.partition("/")[0] if release and release.kind in PHASED else None
    if released is not None:
        by_tier[released] = []
    for one in changes.resources:
        if one.effect not in (Effect.UNCHANGED, Effect.STACK):
            by_tier.setdefault(one.stack.partition("/")[0], []).append(one)
    for name, resources in sorted(by_tier.items()):
        is_released = name == released
        yield AffectedTier(
            name=name,
            resources=tuple(resources),
            minutes=_minutes(resources, usual),
            outage=_outage(resources, usual, stacks, release if is_released else None),
            replaces_servers=any(_may_replace_servers(one, stacks) for one in resources),
            is_released=is_released,
        )


def rolls(group: ChangedResource) -> bool:
    """Return whether the servers of a group are replaced; an UpdatePolicy determines how."""
    return any(one.name in ROLLS and not one.likely_same for one in group.properties)


def update_of(group: ChangedResource, stacks: Mapping[str, TemplateStack]) -> ServerUpdate:
    """Return how the servers of a group are replaced."""
    stack = stacks.get(group.stack)
    if stack is None:
        return ServerUpdate(method=Method.UNKNOWN)
    return server_update(mapping(stack.resources.get(group.name)), stack.scope)


def _impact(one: ChangedResource, stacks: Mapping[str, TemplateStack]) -> Impact | None:
    if one.effect != Effect.UPDATED:
        return None
    if one.type == GROUP:
        replaces = rolls(one) and update_of(one, stacks).method is not Method.NONE
        return Impact.REPLACES_SERVERS if replaces else None
    return Impact.INTERRUPTS if _interrupts(one, stacks) else None


def _replaces_all(group: ChangedResource, impacts: Mapping[str, Impact]) -> bool:
    return group.effect == Effect.REPLACED or impacts.get(group.path) == Impact.REPLACES_SERVERS


def _number_of_servers(groups: Sequence[ChangedResource], stacks: Mapping[str, TemplateStack]) -> int | None:
    found = [update_of(one, stacks).capacity for one in groups]
    known = [one for one in found if one is not None]
    return sum(known) if len(known) == len(found) else None


def _minutes(resources: Sequence[ChangedResource], usual: DurationHistory) -> int:
    known = [usual.of(one.path, one.type) for one in resources]
    seconds = max((one.seconds for one in known if one.runs), default=0.0)
    return max(1, round(seconds / 60)) if seconds else 0


def _may_replace_servers(one: ChangedResource, stacks: Mapping[str, TemplateStack]) -> bool:
    """Return whether the servers of a group are or may be replaced."""
    if one.type != GROUP or one.effect in (Effect.ADDED, Effect.REMOVED):
        return False
    if one.effect in (*REPLACED, *MAY_BE_REPLACED):
        return True
    return rolls(one) and update_of(one, stacks).method is not Method.NONE


def _outage(
    resources: Sequence[ChangedResource],
    usual: DurationHistory,
    stacks: Mapping[str, TemplateStack],
    release: Release | None,
) -> Outage:
    """Return whether visitors notice the change, and for how long if earlier runs provide it."""
    if release is not None and release.interrupts:
        return Outage(Likelihood.EXPECTED)
    if any(_is_replaced(one, REPLACED) for one in resources):
        return Outage(Likelihood.EXPECTED)
    interrupting = [one for one in resources if _interrupts(one, stacks)]
    if interrupting:
        return Outage(Likelihood.EXPECTED, _minutes(interrupting, usual))
    if any(_is_replaced(one, MAY_BE_REPLACED) for one in resources):
        return Outage(Likelihood.POSSIBLE)
    return Outage()


def _is_replaced(one: ChangedResource, effects: tuple[Effect, ...]) -> bool:
    return one.effect in effects and (bool(one.data) or one.type in _SERVES)


def _interrupts(one: ChangedResource, stacks: Mapping[str, TemplateStack]) -> bool:
    """Return whether an update in place interrupts connections."""
    if one.type == GROUP:
        return rolls(one) and update_of(one, stacks).interrupts
    listed = _INTERRUPTS.get(one.type, ())
    return any(detail.name in listed and not detail.likely_same for detail in one.properties)
