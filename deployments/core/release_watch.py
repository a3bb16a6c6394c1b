"""Whether the site got worse after the first server got a new version: errors and latency of its reads."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.errors import Message
from deployments.message_codes import Code

FEWEST = 3
"""Reads that have to fail: a single one may fail for reasons of its own."""
SLOWER, SLOWER_BY = 3.0, 500.0
"""How many times, and by how many milliseconds, the mean may grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Reads of the site, how many failed, and the mean duration in milliseconds of those that did not."""

    total: int = 0
    failed: int = 0
    mean: float | None = None

    @property
    def share(self) -> float:
        """Return the share that failed."""
        return self.failed / self.total if self.total else 0.0


def problem(before: Reads, during: Reads) -> Message | None:
    """Return what got worse, None if nothing did or there are too few reads."""
    if during.failed >= FEWEST and during.share > 2 * before.share:
        values = {"failed": str(during.failed), "total": str(during.total)}
        return Message(Code.RELEASE_WATCH_ERRORS, values)
    if before.mean is None or during.mean is None or during.total < FEWEST:
        return None
    if during.mean > max(SLOWER * before.mean, before.mean + SLOWER_BY):
        values = {"before": f"{before.mean:.0f}", "after": f"{during.mean:.0f}"}
        return Message(Code.RELEASE_WATCH_SLOW, values)
    return None
