"""The API quota of real clients: every call to the sandbox is counted, and delayed or refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.config import Config

from deployments.aws import quota, session
from deployments.aws.account_ref import AccountRef
from deployments.common.errors import AwsAccessError, AwsRetryable, QuotaExhausted
from tests.aws.test_quota import _redis_has_time, own_redis
from tests.services import (
    LIMIT,
    Redis,
    Sandbox,
    account_ref,
)

__all__ = ["_redis_has_time", "own_redis"]


@pytest.fixture
def ref(own_redis: Redis, sandbox_account: str, sandbox: Sandbox) -> AccountRef:
    own_redis.flush()
    return account_ref(sandbox, sandbox_account, quota_url=own_redis.url, reads_per_second=20.0)


def service_of(ref: AccountRef, name: str) -> quota.ServiceUsage:
    return next(service for service in quota.usage(ref).services if service.service == name)


def test_every_call_of_a_client_is_counted_by_its_service_and_action(ref: AccountRef) -> None:
    clients = session.connect(ref)
    clients.sts.caller_identity()
    clients.s3.create_bucket("sanso-artifacts-budget-1")
    clients.rds.clusters(["none"])
    clients.rds.instances(["none"])

    assert service_of(ref, "sts").calls == {"AssumeRole": 1, "GetCallerIdentity": 1}
    assert service_of(ref, "s3").writes == 1
    assert service_of(ref, "rds").calls == {"DescribeDBClusters": 1, "DescribeDBInstances": 1}


def test_a_throttled_response_halves_the_rate(ref: AccountRef, sandbox: Sandbox) -> None:
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
    assert 9.9 < rds.rate < 15  # the rate recovers by one in 20 seconds
    assert quota.usage(ref).throttled


def test_a_call_over_the_quota_does_not_reach_aws(
    ref: AccountRef, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        session, "_CONFIG", session._CONFIG.merge(Config(connect_timeout=LIMIT, read_timeout=LIMIT))
    )
    clients = session.connect(replace(ref, reads_per_second=0.005))  # exhausted however long calls take

    def call_often() -> None:
        for _ in range(40):
            clients.rds.clusters(["none"])

    with quota.priority(watched=True, max_wait=0), pytest.raises(QuotaExhausted) as caught:
        call_often()

    calls = sandbox.control("GET", "calls", account=ref.sandbox_account)
    assert isinstance(calls, dict)
    arrived = [call for call in calls["calls"] if call["action"] == "DescribeDBClusters"]
    assert len(arrived) == service_of(ref, "rds").reads < 40
    assert caught.value.operation == "rds:DescribeDBClusters"


def test_a_role_counts_against_its_account_and_assuming_it_is_never_delayed(
    ref: AccountRef, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in sandbox.variables("141414141414").items():
        monkeypatch.setenv(name, value)
    in_role = AccountRef(
        region="ap-northeast-1", role_arn="arn:aws:iam::141414141414:role/Sanso", quota_url=ref.quota_url
    )

    session.connect(in_role).sts.caller_identity()

    assert quota.usage(in_role).account == "141414141414/ap-northeast-1"
    sts = service_of(in_role, "sts")
    assert (sts.reads, sts.writes) == (1, 1)
    assert sts.calls == {"GetCallerIdentity": 1, "AssumeRole": 1}


def test_missing_credentials_are_an_access_error_with_a_quota_too(
    own_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with pytest.raises(AwsAccessError):
        session.connect(AccountRef(region="r-1", quota_url=own_redis.url)).sts.caller_identity()
