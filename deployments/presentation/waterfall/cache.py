"""What this process remembers of deployments that are looked at: timelines, and the landmarks among events.

To reckon a timeline takes all rows and many rounds of chance; a frame for a few events must not. What is
remembered is only ever a little old: it says up to which event it is true. The database is the truth.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from deployments.core.phases import Kind
from deployments.models import Deployment, Event, Stack
from deployments.models import timeline as timelines
from deployments.models.timeline import Timeline
from deployments.presentation.waterfall import servers
from deployments.presentation.waterfall.rows import Row
from deployments.presentation.waterfall.tree import Forest, forest

KEPT = 32
"""Deployments that are remembered; the one that was not looked at the longest is forgotten first."""
AGE = 2.0
"""Seconds that a timeline is good for while events come."""
QUIET_AGE = 8.0
"""Seconds that it is good for while none come: what is expected moves on all the same."""
AFTER_AGE = 30.0
"""Seconds that it is good for after the end: servers come and go all the same."""
SHARE = 20
"""A timeline that takes long is reckoned more rarely: a twentieth of the time at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A timeline, the number of the last event that it knows of, when it was made and what that took."""

    timeline: Timeline
    seq: int
    inside: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    landmarks: Sequence[Event] = ()
    made: float = field(default_factory=time.monotonic)
    cost: float = 0.0

    def is_good_for(self, deployment: Deployment, seq: int) -> bool:
        """Tell whether it need not be reckoned again yet for a frame that leads up to `seq`."""
        age = time.monotonic() - self.made
        if not deployment.is_active:
            is_final = self.seq >= deployment.last_seq and self.timeline.forecast is None
            return is_final and age < AFTER_AGE
        return age < max(QUIET_AGE if self.seq >= seq else AGE, SHARE * self.cost)


_lock = threading.Lock()
_kept: OrderedDict[UUID, Memory] = OrderedDict()


def recall(deployment: Deployment) -> Memory | None:
    """Return what is remembered of a deployment, None when nothing is."""
    with _lock:
        found = _kept.get(deployment.token)
        if found is not None:
            _kept.move_to_end(deployment.token)
        return found


def learn(deployment: Deployment) -> tuple[Forest, Memory]:
    """Read all of a deployment (two queries), and reckon and remember what is not remembered (six more)."""
    begun = time.monotonic()
    stacks = list(Stack.objects.of(deployment).prefetch_related("resources"))
    grown = forest(Kind(deployment.kind), stacks)
    known = recall(deployment)
    if known is not None and known.seq == deployment.last_seq and known.is_good_for(deployment, known.seq):
        return grown, known
    marks = landmarks(deployment)
    memory = Memory(
        timeline=timelines.load(deployment, stacks=stacks, landmarks=marks),
        seq=deployment.last_seq,
        inside=servers.rows_below(deployment, grown),
        landmarks=marks,
        cost=time.monotonic() - begun,
    )
    with _lock:
        _kept[deployment.token] = memory
        _kept.move_to_end(deployment.token)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return grown, memory


def landmarks(deployment: Deployment) -> list[Event]:
    """Return the events that a summary is made of: what is remembered, and what came since (one query)."""
    before = recall(deployment)
    known = list(before.landmarks) if before else []
    fresh = Event.objects.of(deployment).landmarks()
    return known + list(fresh.after(known[-1].seq) if known else fresh)


def forget() -> None:
    """Forget everything."""
    with _lock:
        _kept.clear()
