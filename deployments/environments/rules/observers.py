"""What is observed of an environment; the kinds are listed only here.

Their pollers are in `deployments/health/steps/observe/`, the rows in `deployments/health/models/`.
"""

from __future__ import annotations

from dataclasses import dataclass

from deployments.cloudformation.observed_resources import ObservedResources


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedKind:
    """A kind of observations of environments.

    Intervals are seconds between two polls of one environment: `fast` while a deployment waits for it or its
    page is open, else `idle`. With the idle ones, 50 environments of two target groups and two associations
    need fewer than two calls per second and service. `batch_size` environments are polled in one round: as
    many as one call describes or a round has time for. `shares_calls`: one call describes many
    environments.
    """

    key: str
    fast: float = 0.0
    idle: float = 0.0
    batch_size: int = 0
    shares_calls: bool = False
    parts: tuple[str, ...] = ()

    @property
    def has_observer(self) -> bool:
        """Return whether an observer of the account polls it."""
        return self.fast > 0

    def observes(self, parts: ObservedResources) -> bool:
        """Return whether it observes at least one of these parts."""
        return any(getattr(parts, name) for name in self.parts)


_ALL = (
    ObservedKind(key="stack"),
    ObservedKind(
        key="targets",
        fast=5.0,
        idle=90.0,
        batch_size=10,
        parts=("target_groups", "load_balancers"),
    ),
    ObservedKind(
        key="associations",
        fast=10.0,
        idle=120.0,
        batch_size=10,
        parts=("associations",),
    ),
    ObservedKind(
        key="fleet",
        fast=5.0,
        idle=60.0,
        batch_size=100,
        shares_calls=True,
        parts=("groups",),
    ),
    ObservedKind(
        key="database",
        fast=15.0,
        idle=60.0,
        batch_size=100,
        shares_calls=True,
        parts=("clusters",),
    ),
    ObservedKind(
        key="backups",
        fast=120.0,  # a request for a snapshot makes it due at once
        idle=300.0,
        batch_size=100,
        shares_calls=True,
        parts=("clusters",),
    ),
    ObservedKind(
        key="maintenance",
        fast=300.0,
        idle=3600.0,  # AWS announces what it will apply days before
        batch_size=100,
        shares_calls=True,
        parts=("clusters",),
    ),
    ObservedKind(
        key="metrics",
        fast=60.0,  # CloudWatch has a new value each minute, and AWS charges for each metric
        idle=3600.0,  # it keeps the values of the time between
        batch_size=100,
        shares_calls=True,
        parts=("clusters",),
    ),
    ObservedKind(
        key="site",
        fast=10.0,
        idle=60.0,
        batch_size=10,
        parts=("load_balancers",),
    ),
)
KINDS = {kind.key: kind for kind in _ALL}
OBSERVED = {kind.key: kind for kind in _ALL if kind.has_observer}
