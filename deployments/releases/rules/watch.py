"""Whether the site got worse after the first server got a new version: errors and latency of its reads."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.common.errors import Message
from deployments.common.message_codes import Code

FEWEST = 3
"""Minimum number of failed reads: a single one may fail for another reason."""
SLOWER, SLOWER_BY = 3.0, 500.0
"""The factor and the milliseconds by which the mean may grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Numbers of reads and failed reads of the site, and the mean milliseconds of successful ones."""

    total: int = 0
    failed: int = 0
    mean: float | None = None

    @property
    def share(self) -> float:
        """Return the share of failed reads."""
        return self.failed / self.total if self.total else 0.0


def problem(before: Reads, during: Reads) -> Message | None:
    """Return the problem; None if there is none or there are too few reads."""
    if during.failed >= FEWEST and during.share > 2 * before.share:
        values = {"failed": str(during.failed), "total": str(during.total)}
        return Message(Code.RELEASE_WATCH_ERRORS, values)
    if before.mean is None or during.mean is None or during.total < FEWEST:
        return None
    if during.mean > max(SLOWER * before.mean, before.mean + SLOWER_BY):
        values = {"before": f"{before.mean:.0f}", "after": f"{during.mean:.0f}"}
        return Message(Code.RELEASE_WATCH_SLOW, values)
    return None
