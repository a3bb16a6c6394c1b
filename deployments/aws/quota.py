"""The AWS budget: how many calls each account, region and service bears, over all workers together.

Every call of every gateway passes `before`, hooked into botocore's events in `session`. Reads go through a
token bucket (`budget_store`): a second's worth may be used at once, and over any time there are no more than
the rate allows. Writes are counted and never held back. An answer that says "throttled" halves the rate,
which then comes back slowly.

A caller says with `asking` whether somebody waits for what it reads. Who is watched may wait a few seconds
for its turn, in the order of arrival; who is not only takes what nobody else needs, and is sent away
otherwise (BudgetSpent), with the time to come back at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from math import floor
from typing import Any

from redis.exceptions import RedisError

from deployments.aws import quota_store
from deployments.aws.account_ref import AccountRef
from deployments.aws.quota_store import Buckets, CallRequest, RedisBuckets
from deployments.core.aws_errors import is_throttling
from deployments.errors import QuotaExhausted

MAX_WAIT = 5.0
"""Seconds that a watched call waits for its turn: a step that makes ten calls still ends within its lease."""
READS = ("BatchGet", "Describe", "Get", "Head", "List", "Search")
NEVER_DELAYED = frozenset({"AssumeRole"})
"""Made by botocore in the midst of another call, once an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPriority:
    """Who asks: whether somebody waits for the answer, and for how many seconds the call may wait."""

    watched: bool = True
    patience: float = MAX_WAIT


_DEFAULT_PRIORITY = CallPriority()
_priority: ContextVar[CallPriority] = ContextVar("asking", default=_DEFAULT_PRIORITY)


@contextmanager
def priority(*, watched: bool, patience: float = MAX_WAIT) -> Iterator[None]:
    """Say for the calls within on whose behalf they are made. Without it they are watched."""
    token = _priority.set(CallPriority(watched=watched, patience=patience))
    try:
        yield
    finally:
        _priority.reset(token)


def account_key(ref: AccountRef) -> str:
    """Return what the limits of AWS hang on: account and region.

    With a role its account is known. Two rows of the portal's own credentials and of a role in the same
    account are taken for two accounts.
    """
    if ref.sandbox_account:
        return f"{ref.sandbox_account}/{ref.region}"
    return f"{ref.role_arn.split(':')[4] if ref.role_arn else 'own'}/{ref.region}"


@dataclass(slots=True)
class ApiQuota:
    """The budget of one account and region, as one process sees it."""

    account: str
    rate: float
    buckets: Buckets
    sleep: Callable[[float], None] = time.sleep

    def before(self, service: str, action: str) -> None:
        """Let a call through, at once or after its wait. Raise BudgetSpent if it may not be made now."""
        asked = _priority.get()
        wish = CallRequest(
            account=self.account,
            service=service,
            action=action,
            rate=self.rate,
            reading=action.startswith(READS) and action not in NEVER_DELAYED,
            watched=asked.watched,
            patience=asked.patience,
        )
        allowed, seconds = self.buckets.take(wish)
        if not allowed:
            raise QuotaExhausted(f"{service}:{action}", seconds)
        if seconds > 0:
            self.sleep(seconds)

    def after(self, service: str, code: str) -> None:
        """Take note of an answer's error code."""
        if is_throttling(code):
            self.buckets.throttled(self.account, service)

    def attach(self, events: Any) -> None:
        """Put the budget in front of every call of the clients made with these botocore events.

        At `before-call` botocore has checked the arguments, and has neither signed nor sent anything: what
        is raised there reaches the caller as it is.
        """
        events.register("before-call", self._on_call, unique_id="sanso-budget-before")
        events.register("after-call", self._on_answer, unique_id="sanso-budget-after")

    def _on_call(self, model: Any, **_rest: Any) -> None:
        self.before(model.service_model.endpoint_prefix, model.name)

    def _on_answer(self, model: Any, parsed: Any, **_rest: Any) -> None:
        self.after(model.service_model.endpoint_prefix, str(parsed.get("Error", {}).get("Code", "")))


@lru_cache(maxsize=8)
def _buckets(url: str) -> Buckets:
    return Buckets(quota_store.shared(url) if url else None)


def of(ref: AccountRef) -> ApiQuota:
    """Return the budget of an account: one bucket a service, whoever asks, and in whatever process."""
    return ApiQuota(account_key(ref), ref.reads_per_second, _buckets(ref.quota_url))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceUsage:
    """What was asked of a service. `rate` is calls a second now, `full_rate` when nothing is throttled.

    `last_minute` is the reads of the past 60 seconds, to within the seconds of the minute before last;
    `sent_away` counts calls that were not made.
    """

    service: str
    reads: int
    writes: int
    throttles: int
    sent_away: int
    last_minute: float
    rate: float
    full_rate: float
    tokens: float
    calls: Mapping[str, int] = field(default_factory=dict)

    @property
    def percent(self) -> int:
        """Return how much of a minute's reads at the full rate were made in the past minute."""
        return round(100 * self.last_minute / (60 * self.full_rate))


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was asked of an account and region. Not `known` while Redis is away: nobody has the sum."""

    account: str
    known: bool
    services: tuple[ServiceUsage, ...] = ()

    @property
    def percent(self) -> int:
        """Return the percentage of the service that is used most."""
        return max((service.percent for service in self.services), default=0)

    @property
    def throttled(self) -> bool:
        """Return whether AWS throttled a service, and its rate has not come back yet."""
        return any(service.rate < service.full_rate for service in self.services)


def usage(ref: AccountRef) -> Usage:
    """Return the counters of an account. Safe to ask from a web process: it reads Redis alone."""
    if not ref.quota_url:
        return Usage(account=account_key(ref), known=False)
    return read_usage(quota_store.shared(ref.quota_url), account_key(ref), ref.reads_per_second)


def read_usage(buckets: RedisBuckets, account: str, full_rate: float) -> Usage:
    """Return the counters that are kept of an account."""
    try:
        now, rows = buckets.read(account)
    except RedisError:
        return Usage(account=account, known=False)
    services = tuple(_usage_of(service, row, now, full_rate) for service, row in rows.items())
    return Usage(account=account, known=True, services=services)


def _usage_of(service: str, row: Mapping[str, str], now: float, full_rate: float) -> ServiceUsage:
    share_at = float(row.get("share_at", now))
    steps = max(0.0, now - share_at) / quota_store.STEP_SECONDS
    rate = full_rate * min(1.0, float(row.get("share", 1)) + steps * quota_store.STEP)
    burst = max(1, floor(rate))
    return ServiceUsage(
        service=service,
        reads=int(row.get("reads", 0)),
        writes=int(row.get("writes", 0)),
        throttles=int(row.get("throttles", 0)),
        sent_away=int(row.get("refused", 0)),
        last_minute=_last_minute(row, now),
        rate=rate,
        full_rate=full_rate,
        tokens=burst - max(0.0, float(row.get("tat", now)) - now) * rate,
        calls={key.removeprefix("calls:"): int(n) for key, n in row.items() if key.startswith("calls:")},
    )


def _last_minute(row: Mapping[str, str], now: float) -> float:
    """Estimate the reads of the past 60 s from this minute's and a part of the one before."""
    minutes = floor(now / 60) - int(row.get("minute", 0))
    this, previous = int(row.get("this", 0)), int(row.get("previous", 0))
    part = 1 - now % 60 / 60
    if minutes == 0:
        return this + previous * part
    return this * part if minutes == 1 else 0.0
