"""The API calls for observing fifty environments, counted by the account's quota on a simulated clock."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from deployments.aws import quota
from deployments.aws.quota import ApiQuota
from deployments.common.limiter import Limiter
from deployments.environments.models.environments import Environment
from deployments.health.models.observing import Observation, Observer
from deployments.health.steps import observe
from deployments.health.steps.observe import history, poll_round
from deployments.steps import step
from tests.builders import make_account
from tests.fakes import FakeAws
from tests.health.steps.observed.environments import make_observed_environment, problems
from tests.services import Redis

pytestmark = pytest.mark.django_db
ENVIRONMENTS, SERVERS, RATE = 50, 2, 2.0
ACCOUNT = "123456789012/ap-northeast-1"
SECONDS = 120
STEP = 0.5


class Clock:
    """A clock that advances only when `sleep` is called."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class LimitedAws(FakeAws):
    """An account whose calls go through the quota, as the real gateways' calls do. Records their times."""

    def __init__(self, account: ApiQuota, clock: Clock) -> None:
        super().__init__()
        self.account, self.clock = account, clock
        self.call_times: list[tuple[float, str]] = []
        self.counting = False

    def _call(self, operation: str) -> None:
        if self.counting:
            service, action = operation.split(":")
            self.account.before(service, action)
            self.call_times.append((self.clock(), service))
        super()._call(operation)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    monkeypatch.setattr(timezone, "now", own.now)
    monkeypatch.setattr(poll_round, "monotonic", own)
    monkeypatch.setattr(poll_round, "sleep", own.sleep)
    monkeypatch.setattr(
        history, "keep", lambda *_, **__: None
    )  # calls no API, and takes much of the test's time
    return own


@pytest.fixture
def buckets(redis_server: Redis, clock: Clock) -> Limiter:
    redis_server.flush()
    return Limiter(quota.QUOTA, redis_server.url, clock)


@pytest.fixture
def aws(buckets: Limiter, clock: Clock) -> LimitedAws:
    return LimitedAws(ApiQuota(ACCOUNT, RATE, buckets, clock.sleep), clock)


def run_observers(aws: LimitedAws, clock: Clock, seconds: float) -> None:
    """Run the observers for this many seconds, as the dispatcher and one worker do."""
    observe.ensure_observers()
    end = clock() + seconds
    while clock() < end:
        due = Observer.objects.filter(due_at__lte=clock.now()).order_by("due_at")
        for pk, version in due.values_list("pk", "version"):
            step.run_observer(pk, version, aws)
        first = Observer.objects.order_by("due_at").values_list("due_at", flat=True)[0]
        assert first is not None
        clock.sleep(max(STEP, (first - clock.now()).total_seconds()))


def max_per_minute(aws: LimitedAws) -> dict[str, int]:
    """Return the maximum number of calls to each service within any 60 seconds."""
    most: Counter[str] = Counter()
    for start, service in aws.call_times:
        within = sum(start <= at < start + 60 and of == service for at, of in aws.call_times)
        most[service] = max(most[service], within)
    return dict(most)


def test_fifty_environments_cost_at_most_two_reads_a_second_per_service(
    aws: LimitedAws, buckets: Limiter, clock: Clock
) -> None:
    account = make_account()
    first = make_observed_environment(aws, "env0", SERVERS, account=account)
    for number in range(1, ENVIRONMENTS):
        make_observed_environment(aws, f"env{number}", SERVERS, account=account)
    while has_unobserved(first):
        run_observers(aws, clock, 1)
    aws.counting = True
    start = clock.now()

    run_observers(aws, clock, SECONDS)

    usage = quota.read_usage(buckets, ACCOUNT, RATE)
    elapsed = (clock.now() - start).total_seconds()
    reads = {service.service: service.reads for service in usage.services}
    assert reads == dict(Counter(service for _, service in aws.call_times))
    assert set(reads) >= {"elasticloadbalancing", "ssm", "autoscaling", "rds"}
    assert max(reads.values()) <= RATE * elapsed + RATE
    assert max(max_per_minute(aws).values()) <= RATE * 60 + RATE
    assert oldest(clock) < timedelta(seconds=200)
    assert not problems().exists()

    # A watched environment is polled often, however many calls the others need.
    Environment.objects.filter(pk=first.pk).update(watched_until=clock.now() + timedelta(seconds=60))
    Observation.objects.filter(environment=first).update(due_at=clock.now())
    Observer.objects.update(due_at=clock.now())
    run_observers(aws, clock, 30)

    assert max(max_per_minute(aws).values()) <= RATE * 60 + RATE
    targets = Observation.objects.get(environment=first, source="targets")
    assert targets.observed_at is not None
    assert clock.now() - targets.observed_at < timedelta(seconds=15)


def has_unobserved(first: Environment) -> bool:
    """Return whether a source of an environment has not been observed yet."""
    rows = Observation.objects.filter(environment__account=first.account_id)
    return rows.exclude(observed_at=None).count() < ENVIRONMENTS * 7


def oldest(clock: Clock) -> timedelta:
    """Return the age of the oldest observation of the sources that are polled within two minutes."""
    rows = Observation.objects.exclude(source__in=("backups", "maintenance", "metrics"))
    return max(clock.now() - at for at in rows.values_list("observed_at", flat=True) if at)
