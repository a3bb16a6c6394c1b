"""Database reads of event streams: two threads for all of them, and no connection between two reads.

Streams are open for minutes. If each kept a connection, a few hundred viewers would use up all of them.
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
from deployments.cloudformation.remaining import SearchState
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 2
TRAILING = timedelta(seconds=15)
"""Time for which the stream of a deployment that has ended waits for late events."""
SEARCHING = timedelta(minutes=5)
"""The same while the search for remaining resources in AWS has not ended."""

FIELDS = (
    *("last_seq", "state", "attention_code", "ended_at", "polled_at", "ticked_at", "remaining"),
    "environment__account",
)

QUOTA_SECONDS = 5.0
"""Time for which the quota of an account is cached: all pages of an account share it."""

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
    """The share of the API quota that was used in the past minute. `percent` is None if it is unknown."""

    percent: int | None = None
    throttled: bool = False


_shares: dict[int, tuple[float, QuotaShare]] = {}


def quota_share(account: int) -> QuotaShare:
    """Return the share of an account's API quota that was used in the past minute."""
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
    """The state of a deployment's row at one read. `seq` is the number of its last event."""

    seq: int
    state: str
    attention_code: str
    ended_at: datetime | None
    polled_at: datetime | None
    ticked_at: datetime | None
    environment: int = 0
    quota: QuotaShare = QuotaShare()
    is_searching: bool = False

    @classmethod
    def of(cls, deployment: Deployment, quota: QuotaShare | None = None) -> Self:
        """Return the snapshot of a row."""
        return cls(
            seq=deployment.last_seq,
            state=deployment.state,
            attention_code=deployment.attention_code,
            ended_at=deployment.ended_at,
            polled_at=deployment.polled_at,
            ticked_at=deployment.ticked_at,
            environment=deployment.environment_id,
            quota=quota or QuotaShare(),
            is_searching=deployment.remaining.get("search") == SearchState.PENDING,
        )

    @property
    def relevant(self) -> tuple[int, str, str]:
        """Return the values whose changes wake the viewers; changes of times do not."""
        return self.seq, self.state, self.attention_code

    @property
    def is_settled(self) -> bool:
        """Return whether no more events are expected."""
        trailing = SEARCHING if self.is_searching else TRAILING
        return self.ended_at is not None and self.ended_at < timezone.now() - trailing


def snapshot(pk: int) -> Snapshot | None:
    """Return the snapshot of a deployment; None if it does not exist."""
    row = Deployment.objects.select_related("environment").only(*FIELDS).filter(pk=pk).first()
    return Snapshot.of(row, quota_share(row.environment.account_id)) if row else None
