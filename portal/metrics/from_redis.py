"""Metrics that all processes share in Redis: calls to AWS, API quota, processes, streams, messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from redis import Redis

from deployments.aws import call_counts, quota
from deployments.aws.account_ref import AccountRef
from deployments.common import heartbeats
from deployments.common.heartbeats import STREAMS, RunningProcess
from portal import request_counts

KINDS = ("web", "worker", "dispatcher")
QUEUE = "celery"
"""Celery's own name of its only queue."""


def read(accounts: Sequence[tuple[str, AccountRef]]) -> list[Metric]:
    """Return all of them; `accounts` are pairs of a name and a reference.

    Raise RedisError if Redis does not respond.
    """
    with heartbeats.client() as redis:
        running = heartbeats.running(redis)
        return [*_processes(running), _messages(redis), _calls(redis), *_requests(redis), *_quota(accounts)]


def _processes(running: Sequence[RunningProcess]) -> Iterator[Metric]:
    processes = GaugeMetricFamily("sanso_processes", "Running processes", labels=["kind", "version"])
    numbers = Counter((process.kind, process.version) for process in running)
    for kind in KINDS:
        if not any(kind == found for found, _ in numbers):
            numbers[kind, settings.SANSO_VERSION] = 0
    for labels, number in sorted(numbers.items()):
        processes.add_metric(labels, number)
    yield processes
    number = sum(process.measured.get(STREAMS, 0) for process in running)
    yield GaugeMetricFamily("sanso_streams_open", "Open event streams of all web processes", number)


def _messages(redis: Redis) -> Metric:
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    length: Any = redis.llen(f"{prefix}{QUEUE}")
    return GaugeMetricFamily("sanso_queue_messages", "Messages that no worker has taken yet", length)


def _calls(redis: Redis) -> Metric:
    calls = CounterMetricFamily(
        "sanso_aws_calls", "Calls to AWS by result", labels=["service", "operation", "result"]
    )
    for labels, number in sorted(call_counts.read(redis).items()):
        calls.add_metric(labels, number)
    return calls


def _requests(redis: Redis) -> Iterator[Metric]:
    numbers, seconds = request_counts.read(redis)
    requests = CounterMetricFamily(
        "sanso_http_requests", "HTTP requests by status", labels=["part", "method", "status"]
    )
    for labels, number in sorted(numbers.items()):
        requests.add_metric(labels, number)
    yield requests
    times = CounterMetricFamily(
        "sanso_http_request_seconds", "Seconds until the responses to HTTP requests began", labels=["part"]
    )
    for part, duration in sorted(seconds.items()):
        times.add_metric([part], duration)
    yield times


def _quota(accounts: Sequence[tuple[str, AccountRef]]) -> Iterator[Metric]:
    labels = ["account", "service"]
    used = GaugeMetricFamily(
        "sanso_aws_quota_used_ratio", "Reads of the past minute as a share of the API quota", labels=labels
    )
    rate = GaugeMetricFamily(
        "sanso_aws_quota_rate_ratio", "The rate after throttling as a share of the full one", labels=labels
    )
    for name, ref in accounts:
        for service in quota.usage(ref).services:
            used.add_metric([name, service.service], service.last_minute / (60 * service.full_rate))
            rate.add_metric([name, service.service], service.rate / service.full_rate)
    yield used
    yield rate
