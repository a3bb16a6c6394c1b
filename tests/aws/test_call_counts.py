"""Calls to AWS are counted by service, operation and result, whatever happens to Redis."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.stub import Stubber

from deployments.aws import call_counts, session
from deployments.aws.call_counts import CallCounts
from tests.services import Redis, Sandbox, account_ref, start_redis, wait_until


@pytest.fixture
def counts(redis_server: Redis) -> Iterator[CallCounts]:
    call_counts.shared.cache_clear()
    yield call_counts.shared(redis_server.url)
    call_counts.shared.cache_clear()


def counted_client(counts: CallCounts, **options: Any) -> Any:
    """Return a CloudFormation client whose calls are counted."""
    made = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="ap-northeast-1")
    counts.attach(made.events)
    return made.client("cloudformation", **options)


@pytest.mark.parametrize(
    ("code", "message", "result"),
    [
        ("Throttling", "Rate exceeded", "throttled"),
        ("InternalFailure", "", "unavailable"),
        ("AccessDenied", "", "no_access"),
        ("AlreadyExistsException", "", "already_done"),
        ("ValidationError", "Stack with id x does not exist", "not_found"),
        ("ValidationError", "Template error", "rejected"),
    ],
)
def test_an_error_is_counted_by_what_it_means(
    counts: CallCounts, code: str, message: str, result: str
) -> None:
    client = counted_client(counts)
    with Stubber(client) as stubber:
        stubber.add_client_error("describe_stacks", code, message)
        with pytest.raises(ClientError):
            client.describe_stacks()
    counts.write()

    assert call_counts.read(counts.redis) == {("cloudformation", "DescribeStacks", result): 1}


def test_a_call_without_a_response_is_counted(counts: CallCounts, closed_port: int) -> None:
    client = counted_client(
        counts,
        endpoint_url=f"http://127.0.0.1:{closed_port}",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )
    with pytest.raises(BotoCoreError):
        client.describe_stacks()
    counts.write()

    assert call_counts.read(counts.redis) == {("cloudformation", "DescribeStacks", "no_response"): 1}


def test_calls_through_the_gateways_reach_redis_by_themselves(
    counts: CallCounts, redis_server: Redis, sandbox: Sandbox, sandbox_account: str
) -> None:
    ref = account_ref(sandbox, sandbox_account, quota_url=redis_server.url)

    session.connect(ref).sts.caller_identity()

    wait_until(lambda: len(call_counts.read(counts.redis)) == 2, what="both calls in Redis")
    assert call_counts.read(counts.redis) == {
        ("sts", "AssumeRole", "ok"): 1,
        ("sts", "GetCallerIdentity", "ok"): 1,
    }


def test_counts_of_several_processes_are_added_up(redis_server: Redis, counts: CallCounts) -> None:
    processes = [CallCounts(counts.redis) for _ in range(4)]

    def call(own: CallCounts) -> None:
        for _ in range(50):
            own.add("rds", "DescribeDBClusters", "ok")
            own.write()

    threads = [threading.Thread(target=call, args=(own,)) for own in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert call_counts.read(counts.redis) == {("rds", "DescribeDBClusters", "ok"): 200}


def test_no_call_is_lost_while_redis_is_down(tmp_path: Path) -> None:
    server = start_redis(tmp_path / "redis")
    call_counts.shared.cache_clear()
    counts = call_counts.shared(server.url)
    try:
        counts.add("ec2", "DescribeInstances", "ok")
        counts.write()
        server.stop()
        counts.add("ec2", "DescribeInstances", "ok")
        counts.write()
        server.start()
        counts.redis.hset(call_counts.KEY, "ec2:DescribeInstances:ok", 1)  # Redis may have started empty
        counts.write()
        assert call_counts.read(counts.redis) == {("ec2", "DescribeInstances", "ok"): 2}
    finally:
        server.stop()
        call_counts.shared.cache_clear()
