"""The API quota: never more reads than the rate, over all callers and processes."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployments.aws import quota, session
from deployments.aws.account_ref import AccountRef
from deployments.aws.quota import ApiQuota
from deployments.common import limiter
from deployments.common.errors import QuotaExhausted
from deployments.common.limiter import Limiter
from tests.services import (
    LIMIT,
    REPOSITORY,
    Redis,
    small_redis,
    start_redis,
    wait_until,
)

ACCOUNT = "123456789012/ap-northeast-1"
RATE = 2.0


class Clock:
    """A clock that advances only when `sleep` is called."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def _redis_has_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wait for a Redis that is slow on a busy machine; calls to AWS would not wait that long."""
    monkeypatch.setattr(quota, "QUOTA", replace(quota.QUOTA, timeout=LIMIT))
    forget_connections()
    yield
    forget_connections()


def forget_connections() -> None:
    limiter._limiters.cache_clear()
    session._connect.cache_clear()


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = start_redis(tmp_path_factory.mktemp("budget"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def embedded_redis() -> Iterator[Redis]:
    """The embedded Redis of `make run`."""
    with small_redis() as server:
        yield server


@pytest.fixture(params=["redis", "make run"])
def server(request: pytest.FixtureRequest) -> Redis:
    """Each kind of Redis that can store the quota, empty."""
    found: Redis = request.getfixturevalue("own_redis" if request.param == "redis" else "embedded_redis")
    found.flush()
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def buckets(server: Redis, clock: Clock) -> Limiter:
    return Limiter(quota.QUOTA, server.url, clock)


@pytest.fixture
def account(buckets: Limiter, clock: Clock) -> ApiQuota:
    return ApiQuota(ACCOUNT, RATE, buckets, clock.sleep)


def call_times(account: ApiQuota, clock: Clock, calls: int) -> list[float]:
    """Make calls and return when each was allowed, in seconds since the first was requested."""
    start, found = clock.now, []
    for _ in range(calls):
        account.before("rds", "DescribeDBClusters")
        found.append(round(clock.now - start, 3))
    return found


def retry_delay(account: ApiQuota, service: str = "rds") -> float:
    """Make a call that is rejected, and return the seconds after which it may be retried."""
    with pytest.raises(QuotaExhausted) as caught:
        account.before(service, "DescribeDBClusters")
    return caught.value.seconds


def test_a_burst_of_two_reads_is_allowed_and_then_two_per_second(account: ApiQuota, clock: Clock) -> None:
    assert call_times(account, clock, 6) == [0.0, 0.0, 0.5, 1.0, 1.5, 2.0]

    clock.sleep(60)

    assert call_times(account, clock, 3) == [0.0, 0.0, 0.5]  # unused reads do not accumulate


def test_each_service_and_each_account_has_its_own_token_bucket(account: ApiQuota, buckets: Limiter) -> None:
    other = ApiQuota("210987654321/ap-northeast-1", RATE, buckets)
    with quota.priority(watched=True, max_wait=0):
        for _ in range(2):
            account.before("rds", "DescribeDBClusters")
            account.before("ssm", "DescribeAssociation")
            other.before("rds", "DescribeDBClusters")
        assert retry_delay(account) == pytest.approx(0.5, abs=0.01)


def test_cloudtrail_is_looked_up_twice_a_second_whatever_the_account_allows(
    buckets: Limiter, clock: Clock
) -> None:
    fast = ApiQuota(ACCOUNT, 50 * RATE, buckets, clock.sleep)
    start = clock.now
    for _ in range(6):
        fast.before("cloudtrail", "LookupEvents")

    assert clock.now - start == pytest.approx(2.0)


def test_writes_are_counted_and_never_delayed(account: ApiQuota, buckets: Limiter) -> None:
    with quota.priority(watched=False):
        for _ in range(20):
            account.before("cloudformation", "CreateChangeSet")
        account.before("cloudformation", "DescribeStacks")

    (service,) = quota.read_usage(buckets, ACCOUNT, RATE).services

    assert (service.writes, service.reads) == (20, 1)
    assert service.calls == {"CreateChangeSet": 20, "DescribeStacks": 1}


def test_watched_calls_go_before_unwatched_ones(account: ApiQuota, clock: Clock) -> None:
    with quota.priority(watched=False):
        account.before("rds", "DescribeDBClusters")
        retry_delay(account)  # one read is reserved for watched calls
    assert call_times(account, clock, 1) == [0.0]
    clock.sleep(0.5)
    with quota.priority(watched=False):
        retry_delay(account)
    clock.sleep(0.5)
    with quota.priority(watched=False):
        account.before("rds", "DescribeDBClusters")


def test_rejected_calls_get_staggered_retry_times(account: ApiQuota) -> None:
    with quota.priority(watched=False):
        account.before("rds", "DescribeDBClusters")
        reported = [retry_delay(account) for _ in range(200)]

    assert reported[:3] == [pytest.approx(seconds, abs=0.01) for seconds in (1.0, 1.5, 2.0)]
    assert max(reported) <= 60.0


def test_a_watched_call_waits_for_a_limited_time(account: ApiQuota, clock: Clock) -> None:
    waits: list[float] = []
    account.sleep = waits.append  # many callers at one moment: the clock does not move
    for _ in range(12):
        account.before("rds", "DescribeDBClusters")

    assert max(waits) == pytest.approx(quota.MAX_WAIT)
    assert retry_delay(account) > quota.MAX_WAIT


def test_throttling_halves_the_rate_which_recovers_slowly(
    account: ApiQuota, buckets: Limiter, clock: Clock
) -> None:
    def rate() -> float:
        (service,) = quota.read_usage(buckets, ACCOUNT, RATE).services
        return service.rate

    call_times(account, clock, 2)
    for _ in range(3):  # all were in flight when the first was throttled
        account.after("rds", "Throttling")

    assert rate() == pytest.approx(1.0)
    assert call_times(account, clock, 3)[1:] == [pytest.approx(2.0, abs=0.02), pytest.approx(3.0, abs=0.02)]
    clock.sleep(3)
    account.after("rds", "RequestLimitExceeded")
    assert rate() == pytest.approx(0.53, abs=0.02)
    clock.sleep(60)
    assert rate() == pytest.approx(1.13, abs=0.02)
    clock.sleep(100)
    assert rate() == RATE
    (service,) = quota.read_usage(buckets, ACCOUNT, RATE).services
    assert service.throttles == 4


def test_the_rate_never_falls_to_zero(account: ApiQuota, buckets: Limiter, clock: Clock) -> None:
    account.before("rds", "DescribeDBClusters")
    for _ in range(20):
        account.after("rds", "Throttling")
        clock.sleep(3)

    (service,) = quota.read_usage(buckets, ACCOUNT, RATE).services

    assert service.rate >= RATE / 16


def test_the_counters_give_the_usage_of_the_last_minute(
    account: ApiQuota, buckets: Limiter, clock: Clock
) -> None:
    clock.now = 1_800_000_000.0  # the start of a minute
    call_times(account, clock, 60)

    used = quota.read_usage(buckets, ACCOUNT, RATE)
    assert used.percent == 50
    assert not used.throttled
    call_times(account, clock, 120)  # into the next minute
    assert quota.read_usage(buckets, ACCOUNT, RATE).percent == pytest.approx(101, abs=2)
    clock.sleep(180)
    assert quota.read_usage(buckets, ACCOUNT, RATE).percent == 0


# --- several processes, and a Redis that goes down ------------------------------------------------
CALLER = """
import sys, threading, time
from dataclasses import replace
from deployments.aws import quota
from deployments.aws.account_ref import AccountRef
from deployments.common.errors import QuotaExhausted
quota.QUOTA = replace(quota.QUOTA, timeout=float(sys.argv[3]))
account = quota.of(AccountRef(region="r", sandbox_account="1" * 12, quota_url=sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
stopped = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stopped.set()), daemon=True).start()
while not stopped.is_set():
    try:
        with quota.priority(watched=sys.argv[2] == "watched", max_wait=1.0):
            account.before("rds", "DescribeDBClusters")
        print(time.time(), flush=True)
    except QuotaExhausted:
        time.sleep(0.01)
"""


@pytest.fixture
def start_caller(own_redis: Redis) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Return a function that starts a process that makes calls from its first line of input to its second."""
    with contextlib.ExitStack() as ending:

        def start(kind: str) -> subprocess.Popen[str]:
            process = ending.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", CALLER, own_redis.url, kind, str(LIMIT)],
                    cwd=REPOSITORY,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            ending.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            return process

        yield start


def send_line(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def test_several_processes_together_stay_within_the_rate(
    own_redis: Redis, start_caller: Callable[[str], subprocess.Popen[str]]
) -> None:
    own_redis.flush()
    ref = AccountRef(region="r", sandbox_account="1" * 12, quota_url=own_redis.url)
    processes = [start_caller(kind) for kind in ("watched", "watched", "watched", "unwatched")]

    def have_called_enough() -> bool:
        services = quota.usage(ref).services
        return bool(services) and services[0].reads >= 8 and services[0].rejected > 0

    send_line(processes)
    wait_until(have_called_enough)
    send_line(processes)
    printed = [process.communicate(timeout=LIMIT)[0] for process in processes]
    made = sorted(float(line) for lines in printed for line in lines.split())

    (service,) = quota.usage(ref).services
    assert service.reads == len(made)
    seconds = made[-1] - made[0]
    assert len(made) <= RATE * seconds + RATE + 1


def test_while_redis_is_down_each_process_uses_a_share_of_the_rate(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_redis(tmp_path / "redis")
    clock = Clock()
    buckets = Limiter(quota.QUOTA, server.url, clock)
    account = ApiQuota(ACCOUNT, RATE, buckets, sleep=clock.sleep)
    account.before("rds", "DescribeDBClusters")
    server.kill()

    with caplog.at_level(logging.WARNING):
        alone = call_times(account, clock, 4)
        account.after("rds", "Throttling")
        halved = call_times(account, clock, 2)

    assert alone == [0.0, 2.0, 4.0, 6.0]
    assert halved == [pytest.approx(2.0, abs=0.01), pytest.approx(6.0, abs=0.01)]
    assert len([record for record in caplog.records if "Redis is unavailable" in record.message]) == 1
    assert not quota.read_usage(buckets, ACCOUNT, RATE).known
    server.start()
    clock.sleep(10)
    with caplog.at_level(logging.WARNING):
        account.before("rds", "DescribeDBClusters")
    assert [record for record in caplog.records if "Redis is available again" in record.message]
    assert buckets.shared is not None
    buckets.shared.redis.close()
    server.stop()
