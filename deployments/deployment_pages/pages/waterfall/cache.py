"""A cache of the timelines and landmark events of deployments that are being viewed (one per process).

A timeline takes all rows and many simulated runs to compute; an update for a few events must not wait.
An entry has the event up to which it is valid. The database is authoritative.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from deployments.cloudformation.root_cause import first_failure
from deployments.deployment_pages.display.waterfall import failed_servers
from deployments.deployment_pages.display.waterfall.rows import Row, StackSummary
from deployments.deployment_pages.pages.waterfall import servers
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.stacks.display.tree import ResourceTree, build_tree
from deployments.stacks.display.tree_counts import left_out_of
from deployments.stacks.models import timeline as timelines
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Stack
from deployments.stacks.models.timeline import Timeline

MAX_ENTRIES = 32
"""Maximum number of deployments in the cache; the least recently viewed one is evicted first."""
AGE = 2.0
"""Seconds that a timeline is valid while events arrive."""
QUIET_AGE = 8.0
"""Seconds that it is valid while none arrive: the forecast still changes."""
AFTER_AGE = 30.0
"""Seconds that it is valid after the end: servers still change."""
COST_FACTOR = 20
"""Expensive timelines are computed less often: for at most a twentieth of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedTimeline:
    """A timeline with its tree, the number of the last event in it, when it was computed and its cost (s).

    `summaries` are of the stacks that were shown.
    """

    timeline: Timeline
    tree: ResourceTree
    seq: int
    summaries: dict[str, StackSummary] = field(default_factory=dict)
    inside: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    landmarks: Sequence[Event] = ()
    computed_at: float = field(default_factory=time.monotonic)
    cost: float = 0.0

    def is_fresh_for(self, deployment: Deployment, seq: int) -> bool:
        """Return whether it is still valid for an update up to event `seq`."""
        age = time.monotonic() - self.computed_at
        if not deployment.is_active:
            is_final = self.seq >= deployment.last_seq and self.timeline.forecast is None
            return is_final and age < AFTER_AGE
        return age < max(QUIET_AGE if self.seq >= seq else AGE, COST_FACTOR * self.cost)


_lock = threading.Lock()
_entries: OrderedDict[UUID, CachedTimeline] = OrderedDict()


def get(deployment: Deployment) -> CachedTimeline | None:
    """Return the entry of a deployment; None if there is none."""
    with _lock:
        found = _entries.get(deployment.token)
        if found is not None:
            _entries.move_to_end(deployment.token)
        return found


def load(deployment: Deployment) -> CachedTimeline:
    """Return the entry of a whole deployment, computed if there is no fresh one (eight queries).

    Rows do not change without an event, so a fresh entry without a later event has the current tree.
    """
    begun = time.monotonic()
    known = get(deployment)
    if known is not None and known.seq == deployment.last_seq and known.is_fresh_for(deployment, known.seq):
        return known
    stacks = list(Stack.objects.of(deployment).prefetch_related("resources"))
    tree = build_tree(Kind(deployment.kind), stacks, deployment.last_phase, left_out_of(deployment))
    found = landmarks(deployment)
    entry = CachedTimeline(
        timeline=timelines.load(deployment, stacks=stacks, landmarks=found),
        seq=deployment.last_seq,
        tree=tree,
        inside=_inside(deployment, tree, found),
        landmarks=found,
        cost=time.monotonic() - begun,
    )
    with _lock:
        _entries[deployment.token] = entry
        _entries.move_to_end(deployment.token)
        while len(_entries) > MAX_ENTRIES:
            _entries.popitem(last=False)
    return entry


def _inside(
    deployment: Deployment, tree: ResourceTree, found: Sequence[Event]
) -> Mapping[str, Sequence[Row]]:
    """Return the rows of servers, below their group or below the resource that failed on them."""
    failure = first_failure(failure for event in found if (failure := event.as_failure()))
    return servers.rows_below(deployment, tree) | failed_servers.rows_below(deployment, failure)


def landmarks(deployment: Deployment) -> list[Event]:
    """Return the landmark events for the summary: the cached ones and later ones (one query)."""
    before = get(deployment)
    known = list(before.landmarks) if before else []
    fresh = Event.objects.of(deployment).landmarks()
    return known + list(fresh.after(known[-1].seq) if known else fresh)


def clear() -> None:
    """Remove all entries."""
    with _lock:
        _entries.clear()
