"""Database reads of event streams: two threads for all of them, and no connection kept in between.

A stream is open for minutes. If each held a connection, a few hundred viewers would use up the database's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ParamSpec, Self, TypeVar

from django.db import close_old_connections
from django.utils import timezone

from deployments.aws import quota
from deployments.models import Account, Deployment

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 2
TRAILING = timedelta(seconds=15)
"""How long a deployment that has ended is watched for a last event."""

FIELDS = (
    *("last_seq", "state", "attention_code", "ended_at", "polled_at", "ticked_at"),
    "environment__account",
)

QUOTA_SECONDS = 5.0
"""How long what was read of an account's budget is good for: all pages of an account share it."""

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="live-reads")


async def in_thread(read: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that reads the database in one of the two threads, and return its result."""

    def run() -> T:
        close_old_connections()
        try:
            return read(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_threads, run)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaShare:
    """How much of what AWS bears a minute is used. `percent` is None when nobody knows."""

    percent: int | None = None
    throttled: bool = False


_shares: dict[int, tuple[float, QuotaShare]] = {}


def quota_share(account: int) -> QuotaShare:
    """Return the share of an account's AWS budget that was used in the past minute."""
    read_at, share = _shares.get(account, (-QUOTA_SECONDS, QuotaShare()))
    now = time.monotonic()
    if now - read_at < QUOTA_SECONDS:
        return share
    usage = quota.usage(Account.objects.get(pk=account).ref())
    share = QuotaShare(percent=usage.percent, throttled=usage.throttled) if usage.known else QuotaShare()
    _shares[account] = time.monotonic(), share
    return share


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Where a deployment stands, as one read of its row tells. `seq` is its last event's number."""

    seq: int
    state: str
    attention_code: str
    ended_at: datetime | None
    polled_at: datetime | None
    ticked_at: datetime | None
    budget: QuotaShare = QuotaShare()

    @classmethod
    def of(cls, deployment: Deployment, budget: QuotaShare | None = None) -> Self:
        """Return what the row says."""
        return cls(
            seq=deployment.last_seq,
            state=deployment.state,
            attention_code=deployment.attention_code,
            ended_at=deployment.ended_at,
            polled_at=deployment.polled_at,
            ticked_at=deployment.ticked_at,
            budget=budget or QuotaShare(),
        )

    @property
    def is_news_to(self) -> tuple[int, str, str]:
        """Return what viewers are woken for when it differs; times alone wake nobody."""
        return self.seq, self.state, self.attention_code

    @property
    def is_settled(self) -> bool:
        """Return whether nothing more will come."""
        return self.ended_at is not None and self.ended_at < timezone.now() - TRAILING


def snapshot(pk: int) -> Snapshot | None:
    """Return where a deployment stands, None if there is no such deployment."""
    row = Deployment.objects.select_related("environment").only(*FIELDS).filter(pk=pk).first()
    return Snapshot.of(row, quota_share(row.environment.account_id)) if row else None
