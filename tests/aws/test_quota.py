"""The AWS budget: never more reads than the rate, whoever asks and from wherever."""

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
from deployments.aws.quota_store import Buckets, LocalBuckets, RedisBuckets
from deployments.errors import AwsAccessError, AwsRetryable, QuotaExhausted
from tests.services import (
    LIMIT,
    REPOSITORY,
    Redis,
    Sandbox,
    small_redis,
    start_redis,
)

ACCOUNT = "123456789012/ap-northeast-1"
RATE = 2.0


class Clock:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = start_redis(tmp_path_factory.mktemp("budget"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Redis]:
    """The Redis that `make run` brings along."""
    with small_redis() as server:
        yield server


@pytest.fixture(params=["redis", "make run"])
def server(request: pytest.FixtureRequest) -> Redis:
    """Both servers that carry the budget, empty."""
    found: Redis = request.getfixturevalue("own_redis" if request.param == "redis" else "stand_in")
    found.flush()
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def buckets(server: Redis, clock: Clock) -> RedisBuckets:
    return RedisBuckets(server.url, clock)


@pytest.fixture
def account(buckets: RedisBuckets, clock: Clock) -> ApiQuota:
    return ApiQuota(ACCOUNT, RATE, Buckets(buckets), clock.sleep)


def moments(account: ApiQuota, clock: Clock, calls: int) -> list[float]:
    """Return at what time each of so many calls went out, in seconds since the first was asked for."""
    start, found = clock.now, []
    for _ in range(calls):
        account.before("rds", "DescribeDBClusters")
        found.append(round(clock.now - start, 3))
    return found


def sent_away(account: ApiQuota, service: str = "rds") -> float:
    """Return when a call that was not made may be tried again."""
    with pytest.raises(QuotaExhausted) as caught:
        account.before(service, "DescribeDBClusters")
    return caught.value.seconds


def test_a_second_s_worth_of_reads_goes_at_once_and_then_two_a_second(
    account: ApiQuota, clock: Clock
) -> None:
    assert moments(account, clock, 6) == [0.0, 0.0, 0.5, 1.0, 1.5, 2.0]

    clock.sleep(60)

    assert moments(account, clock, 3) == [0.0, 0.0, 0.5]  # what was not used is not saved up


def test_each_service_and_each_account_has_its_own(account: ApiQuota, buckets: RedisBuckets) -> None:
    other = ApiQuota("210987654321/ap-northeast-1", RATE, Buckets(buckets))
    with quota.priority(watched=True, max_wait=0):
        for _ in range(2):
            account.before("rds", "DescribeDBClusters")
            account.before("ssm", "DescribeAssociation")
            other.before("rds", "DescribeDBClusters")
        assert sent_away(account) == pytest.approx(0.5, abs=0.01)


def test_writes_are_counted_and_never_held_back(account: ApiQuota, buckets: RedisBuckets) -> None:
    with quota.priority(watched=False):
        for _ in range(20):
            account.before("cloudformation", "CreateChangeSet")
        account.before("cloudformation", "DescribeStacks")

    (service,) = quota.read_usage(buckets, ACCOUNT, RATE).services

    assert (service.writes, service.reads) == (20, 1)
    assert service.calls == {"CreateChangeSet": 20, "DescribeStacks": 1}


def test_who_is_watched_goes_before_who_is_not(account: ApiQuota, clock: Clock) -> None:
    with quota.priority(watched=False):
        account.before("rds", "DescribeDBClusters")
        sent_away(account)  # one is left, for somebody who waits for it
    assert moments(account, clock, 1) == [0.0]
    clock.sleep(0.5)
    with quota.priority(watched=False):
        sent_away(account)
    clock.sleep(0.5)
    with quota.priority(watched=False):
        account.before("rds", "DescribeDBClusters")


def test_those_who_are_sent_away_are_told_to_come_one_after_the_other(account: ApiQuota) -> None:
    with quota.priority(watched=False):
        account.before("rds", "DescribeDBClusters")
        told = [sent_away(account) for _ in range(200)]

    assert told[:3] == [pytest.approx(seconds, abs=0.01) for seconds in (1.0, 1.5, 2.0)]
    assert max(told) <= 60.0


def test_a_watched_call_waits_only_so_long(account: ApiQuota, clock: Clock) -> None:
    waits: list[float] = []
    account.sleep = waits.append  # many callers at one moment: the clock stands still
    for _ in range(12):
        account.before("rds", "DescribeDBClusters")

    assert max(waits) == pytest.approx(quota.MAX_WAIT)
    assert sent_away(account) > quota.MAX_WAIT


def test_throttling_halves_the_rate_which_comes_back_slowly(
    account: ApiQuota, buckets: RedisBuckets, clock: Clock
) -> None:
    def rate() -> float:
        (service,) = quota.read_usage(buckets, ACCOUNT, RATE).services
        return service.rate

    moments(account, clock, 2)
    for _ in range(3):  # all were on their way when the first was throttled
        account.after("rds", "Throttling")

    assert rate() == pytest.approx(1.0)
    assert moments(account, clock, 3)[1:] == [pytest.approx(2.0, abs=0.02), pytest.approx(3.0, abs=0.02)]
    clock.sleep(3)
    account.after("rds", "RequestLimitExceeded")
    assert rate() == pytest.approx(0.53, abs=0.02)
    clock.sleep(60)
    assert rate() == pytest.approx(1.13, abs=0.02)
    clock.sleep(100)
    assert rate() == RATE
    (service,) = quota.read_usage(buckets, ACCOUNT, RATE).services
    assert service.throttles == 4


def test_the_rate_never_falls_to_nothing(account: ApiQuota, buckets: RedisBuckets, clock: Clock) -> None:
    account.before("rds", "DescribeDBClusters")
    for _ in range(20):
        account.after("rds", "Throttling")
        clock.sleep(3)

    (service,) = quota.read_usage(buckets, ACCOUNT, RATE).services

    assert service.rate >= RATE / 16


def test_the_counters_tell_how_much_of_the_last_minute_is_used(
    account: ApiQuota, buckets: RedisBuckets, clock: Clock
) -> None:
    clock.now = 1_800_000_000.0  # a full minute
    moments(account, clock, 60)

    used = quota.read_usage(buckets, ACCOUNT, RATE)
    assert used.percent == 50
    assert not used.throttled
    moments(account, clock, 120)  # into the next minute
    assert quota.read_usage(buckets, ACCOUNT, RATE).percent == pytest.approx(101, abs=2)
    clock.sleep(180)
    assert quota.read_usage(buckets, ACCOUNT, RATE).percent == 0


# --- several processes, and a Redis that goes away -----------------------------------------------
HAMMER = """
import sys, time
from deployments.aws import quota
from deployments.aws.account_ref import AccountRef
from deployments.errors import QuotaExhausted
account = quota.of(AccountRef(region="r", sandbox_account="1" * 12, quota_url=sys.argv[1]))
print("ready", flush=True)
until = time.time() + float(sys.stdin.readline())
while time.time() < until:
    try:
        with quota.priority(watched=sys.argv[2] == "watched", max_wait=1.0):
            account.before("rds", "DescribeDBClusters")
        print(time.time(), flush=True)
    except QuotaExhausted:
        time.sleep(0.01)
"""


@pytest.fixture
def hammer(own_redis: Redis) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    with contextlib.ExitStack() as ending:

        def start(kind: str) -> subprocess.Popen[str]:
            process = ending.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", HAMMER, own_redis.url, kind],
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


def test_several_processes_together_stay_within_the_rate(
    own_redis: Redis, hammer: Callable[[str], subprocess.Popen[str]]
) -> None:
    own_redis.flush()
    processes = [hammer(kind) for kind in ("watched", "watched", "watched", "unwatched")]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("3\n")
        process.stdin.flush()

    printed = [process.communicate(timeout=LIMIT)[0] for process in processes]
    made = sorted(float(line) for lines in printed for line in lines.split())

    ref = AccountRef(region="r", sandbox_account="1" * 12, quota_url=own_redis.url)
    (service,) = quota.usage(ref).services
    assert service.reads == len(made) >= 6
    assert service.rejected > 0
    seconds = made[-1] - made[0]
    assert len(made) <= RATE * seconds + RATE + 1


def test_while_redis_is_away_each_process_takes_a_part_of_the_rate(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_redis(tmp_path / "redis")
    clock = Clock()
    everyones = RedisBuckets(server.url)
    account = ApiQuota(
        ACCOUNT, RATE, Buckets(everyones, local=LocalBuckets(clock), clock=clock), sleep=clock.sleep
    )
    account.before("rds", "DescribeDBClusters")
    server.kill()

    with caplog.at_level(logging.WARNING):
        alone = moments(account, clock, 4)
        account.after("rds", "Throttling")
        halved = moments(account, clock, 2)

    assert alone == [0.0, 2.0, 4.0, 6.0]
    assert halved == [pytest.approx(2.0, abs=0.01), pytest.approx(6.0, abs=0.01)]
    assert len([record for record in caplog.records if "Redis is unavailable" in record.message]) == 1
    assert not quota.read_usage(everyones, ACCOUNT, RATE).known
    server.start()
    clock.sleep(10)
    with caplog.at_level(logging.WARNING):
        account.before("rds", "DescribeDBClusters")
    assert [record for record in caplog.records if "Redis is available again" in record.message]
    server.stop()


# --- the clients ---------------------------------------------------------------------------------
@pytest.fixture
def ref(own_redis: Redis, sandbox_account: str, sandbox: Sandbox) -> AccountRef:
    own_redis.flush()
    return AccountRef(
        region="ap-northeast-1",
        endpoint_url=sandbox.url,
        sandbox_account=sandbox_account,
        token_file=str(sandbox.token_file),
        quota_url=own_redis.url,
        reads_per_second=20.0,
    )


def service_of(ref: AccountRef, name: str) -> quota.ServiceUsage:
    return next(service for service in quota.usage(ref).services if service.service == name)


def test_every_call_of_a_client_is_counted_by_its_service_and_action(ref: AccountRef) -> None:
    clients = session.connect(ref)
    clients.sts.caller_identity()
    clients.s3.create_bucket("sanso-budget-1")
    clients.rds.clusters(["none"])
    clients.rds.instances(["none"])

    assert service_of(ref, "sts").calls == {"GetCallerIdentity": 1}
    assert service_of(ref, "s3").writes == 1
    assert service_of(ref, "rds").calls == {"DescribeDBClusters": 1, "DescribeDBInstances": 1}


def test_an_answer_that_says_throttled_halves_the_rate(ref: AccountRef, sandbox: Sandbox) -> None:
    sandbox.control(
        "POST",
        "faults",
        {"api": [{"service": "rds", "action": "DescribeDBClusters", "mode": "throttle"}]},
        account=ref.sandbox_account,
    )
    clients = session.connect(ref)

    with pytest.raises(AwsRetryable):
        clients.rds.clusters(["none"])

    rds = service_of(ref, "rds")
    assert rds.throttles == 1
    assert 9.9 < rds.rate < 15  # it comes back by one in 20 seconds
    assert quota.usage(ref).throttled


def test_a_call_that_may_not_be_made_does_not_reach_aws(ref: AccountRef, sandbox: Sandbox) -> None:
    clients = session.connect(replace(ref, reads_per_second=0.05))  # used up however long calls take

    def ask_often() -> None:
        for _ in range(40):
            clients.rds.clusters(["none"])

    with quota.priority(watched=True, max_wait=0), pytest.raises(QuotaExhausted) as caught:
        ask_often()

    calls = sandbox.control("GET", "calls", account=ref.sandbox_account)
    assert isinstance(calls, dict)
    arrived = [call for call in calls["calls"] if call["action"] == "DescribeDBClusters"]
    assert len(arrived) == service_of(ref, "rds").reads < 40
    assert caught.value.operation == "rds:DescribeDBClusters"


def test_a_role_counts_for_its_account_and_assuming_it_is_never_held_back(
    ref: AccountRef, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in sandbox.variables("141414141414").items():
        monkeypatch.setenv(name, value)
    in_role = AccountRef(
        region="ap-northeast-1", role_arn="arn:aws:iam::141414141414:role/Sanso", quota_url=ref.quota_url
    )
    session._connect.cache_clear()

    session.connect(in_role).sts.caller_identity()

    assert quota.usage(in_role).account == "141414141414/ap-northeast-1"
    sts = service_of(in_role, "sts")
    assert (sts.reads, sts.writes) == (1, 1)
    assert sts.calls == {"GetCallerIdentity": 1, "AssumeRole": 1}


def test_without_credentials_a_person_is_asked_as_before(
    own_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with pytest.raises(AwsAccessError):
        session.connect(AccountRef(region="r-1", quota_url=own_redis.url)).sts.caller_identity()
