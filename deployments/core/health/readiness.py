"""Is the environment ready, and if not, what is waited for (DESIGN section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from deployments.core.health.facts import Facts
from deployments.errors import Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What is done, and what is waited for, in words."""

    configured: bool
    serving: bool
    answered: bool
    waiting_for: tuple[Sentence, ...] = ()
    failed: tuple[Sentence, ...] = ()

    @property
    def ready(self) -> bool:
        """Tell whether nothing is waited for."""
        return self.configured and self.serving and self.answered


def readiness(facts: Facts, now: datetime, since: datetime | None = None) -> Readiness:
    """Return how far the environment is. Facts observed before `since` do not count."""
    raise NotImplementedError
