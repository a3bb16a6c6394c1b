"""The API quota: the rate of calls to each account, region and service, for all workers together.

Every call of every gateway passes `before`, which `session` registers with botocore's events. Reads take
tokens from a bucket (`common/limiter`): the tokens of one second may be used at once, and over longer periods
there are no more calls than the rate allows. Writes are counted and never delayed. A throttled response
halves the rate, which then recovers slowly. All calls are counted for pages (`quota_counts`).

A caller sets with `priority` whether a person waits for the result. Calls for watched pages may wait a few
seconds, in the order of arrival. Other calls only use tokens that are left, and are rejected otherwise
(QuotaExhausted), with the time at which to try again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import floor
from typing import Any

from redis.exceptions import RedisError

from deployments.aws import quota_counts
from deployments.aws.account_ref import AccountRef
from deployments.common.errors import QuotaExhausted
from deployments.common.limiter import Limiter, Purpose, limiter
from deployments.common.rules.aws_error_codes import is_throttling
from deployments.common.rules.limit_kinds import Count, Rate

QUOTA = Purpose(
    prefix="sanso:aws-quota:",
    meanwhile="this process uses an API quota of its own",
    again="the API quota is shared again",
    timeout=0.5,
    alone=0.25,  # four processes without Redis stay within the rate
)
MAX_WAIT = 5.0
"""Maximum wait of a watched call in seconds: a step with ten calls still ends within its lease."""
READS = ("BatchGet", "Describe", "Get", "Head", "List", "Lookup", "Search", "Simulate")
SLOWER = {"cloudtrail": 2.0}
"""The rate of services that AWS limits to less than an account may be configured to use.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""
NEVER_DELAYED = frozenset({"AssumeRole"})
"""Called by botocore during another call, once an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPriority:
    """Whether a person waits for the result, and for how many seconds the call may wait."""

    watched: bool = True
    max_wait: float = MAX_WAIT


_DEFAULT_PRIORITY = CallPriority()
_priority: ContextVar[CallPriority] = ContextVar("priority", default=_DEFAULT_PRIORITY)


@contextmanager
def priority(*, watched: bool, max_wait: float = MAX_WAIT) -> Iterator[None]:
    """Set the priority of the calls inside the block. The default is watched."""
    token = _priority.set(CallPriority(watched=watched, max_wait=max_wait))
    try:
        yield
    finally:
        _priority.reset(token)


def account_key(ref: AccountRef) -> str:
    """Return the key that a quota belongs to: account and region.

    The account is read from the role's ARN. The portal's own credentials and a role in the same account count
    as two accounts.
    """
    if ref.sandbox_account:
        return f"{ref.sandbox_account}/{ref.region}"
    return f"{ref.role_arn.split(':')[4] if ref.role_arn else 'own'}/{ref.region}"


@dataclass(slots=True)
class ApiQuota:
    """The API quota of one account and region, in one process."""

    account: str
    rate: float
    limiter: Limiter
    sleep: Callable[[float], None] = time.sleep

    def before(self, service: str, action: str) -> None:
        """Return when the call may be made, at once or after a wait. Raise QuotaExhausted if it may not."""
        if not action.startswith(READS) or action in NEVER_DELAYED:
            self._count(service, "writes", action)
            return
        priority_ = _priority.get()
        rate = self._rate(service, min(self.rate, SLOWER.get(service, self.rate)), priority_)
        taken = self.limiter.take([rate])
        self._count(service, "reads" if taken.allowed else "rejected", action)
        if not taken.allowed:
            raise QuotaExhausted(f"{service}:{action}", taken.wait)
        if taken.wait > 0:
            self.sleep(taken.wait)

    def after(self, service: str, code: str) -> None:
        """Process the error code of a response, "" if it succeeded."""
        if is_throttling(code):
            self.limiter.slow_down([self._rate(service, self.rate, _DEFAULT_PRIORITY)])
            self._count(service, "throttles")

    def _rate(self, service: str, rate: float, priority_: CallPriority) -> Rate:
        return Rate(
            key=f"{self.account}:{service}",
            burst=rate,
            every=1 / rate,
            max_wait=priority_.max_wait if priority_.watched else 0.0,
            background=not priority_.watched,
        )

    def _count(self, service: str, kind: str, action: str = "") -> None:
        if shared := self.limiter.shared:
            self.limiter.fallback.use(
                lambda: quota_counts.count(shared, self.account, service, kind, action), lambda: None
            )

    def attach(self, events: Any) -> None:
        """Apply the quota to every call of the clients that are created with these botocore events.

        At `before-call`, botocore has checked the arguments but neither signed nor sent the request. Errors
        that are raised there reach the caller unchanged.
        """
        events.register("before-call", self._on_call, unique_id="sanso-quota-before")
        events.register("after-call", self._on_response, unique_id="sanso-quota-after")

    def _on_call(self, model: Any, **_rest: Any) -> None:
        self.before(model.service_model.endpoint_prefix, model.name)

    def _on_response(self, model: Any, parsed: Any, **_rest: Any) -> None:
        self.after(model.service_model.endpoint_prefix, str(parsed.get("Error", {}).get("Code", "")))


def of(ref: AccountRef) -> ApiQuota:
    """Return the API quota of an account: one bucket per service, shared by all callers and processes."""
    return ApiQuota(account_key(ref), ref.reads_per_second, limiter(QUOTA, ref.quota_url))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceUsage:
    """The calls to a service. `rate` is the current limit per second, `full_rate` the one without throttling.

    `last_minute` is an estimate of the reads in the past 60 seconds; `rejected` counts calls that were not
    made.
    """

    service: str
    reads: int
    writes: int
    throttles: int
    rejected: int
    last_minute: float
    rate: float
    full_rate: float
    tokens: float
    calls: Mapping[str, int] = field(default_factory=dict)

    @property
    def percent(self) -> int:
        """Return the reads of the past minute in percent of the full rate."""
        return round(100 * self.last_minute / (60 * self.full_rate))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUsage:
    """The calls to an account and region. Not `known` while Redis, which has the counters, is unavailable."""

    account: str
    known: bool
    services: tuple[ServiceUsage, ...] = ()

    @property
    def percent(self) -> int:
        """Return the percentage of the most used service."""
        return max((service.percent for service in self.services), default=0)

    @property
    def throttled(self) -> bool:
        """Return whether AWS has throttled a service whose rate has not recovered yet."""
        return any(service.rate < service.full_rate for service in self.services)


def usage(ref: AccountRef) -> QuotaUsage:
    """Return the counters of an account. A web process may call it: it only reads from Redis."""
    return read_usage(limiter(QUOTA, ref.quota_url), account_key(ref), ref.reads_per_second)


def read_usage(limiter_: Limiter, account: str, full_rate: float) -> QuotaUsage:
    """Return the stored counters of an account."""
    if (shared := limiter_.shared) is None:
        return QuotaUsage(account=account, known=False)
    try:
        now, rows = quota_counts.read(shared, account)
    except RedisError:
        return QuotaUsage(account=account, known=False)
    services = tuple(
        _usage_of(service, counts, limited, now, full_rate) for service, (counts, limited) in rows.items()
    )
    return QuotaUsage(account=account, known=True, services=services)


def _usage_of(
    service: str, row: Mapping[str, str], limited: Count, now: float, full_rate: float
) -> ServiceUsage:
    rate = full_rate * limited.share_of(now)
    return ServiceUsage(
        service=service,
        reads=int(row.get("reads", 0)),
        writes=int(row.get("writes", 0)),
        throttles=int(row.get("throttles", 0)),
        rejected=int(row.get("rejected", 0)),
        last_minute=quota_counts.last_minute(row, now),
        rate=rate,
        full_rate=full_rate,
        tokens=max(1, floor(rate)) - max(0.0, limited.full_at - now) * rate,
        calls={key.removeprefix("calls:"): int(n) for key, n in row.items() if key.startswith("calls:")},
    )
