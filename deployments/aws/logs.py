"""The gateway to CloudWatch Logs: the last lines of a log, and the log groups that remain."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from deployments.aws.error_mapping import calling

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef, OutputLogEventTypeDef

MAX_PAGES = 20
"""Maximum number of pages to read for one search; pages before its end may be empty (API FilterLogEvents)."""
START = "START RequestId:"
ENDS = ("END RequestId:", "REPORT RequestId:")
"""The beginning and the end of an invocation's log in Lambda's text format.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
"""
MAX_LINES = 200
"""Number of messages of a stream to keep: the last ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMessage:
    """One message of a log stream."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGroup:
    """A log group. `retention_days` is 0 if its events never expire."""

    name: str
    stored_bytes: int
    created_at: datetime | None = None
    retention_days: int = 0


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """The last messages of a log stream before some time, oldest first."""

    stream: str
    lines: tuple[LogMessage, ...]


class Logs(Protocol):
    """The calls to CloudWatch Logs that the runner makes."""

    def written_before(self, group: str, start: datetime, end: datetime) -> StreamEnd | None:
        """Return the messages of the invocation that began last between two times; None if there are none.

        If no message reports the start of an invocation, the stream of the last message counts. The end of an
        invocation that began before does not: the log of the one that is looked for may still be missing.

        Raise AwsNotFound if there is no such group.
        """
        ...

    def tail(self, group: str, stream: str, limit: int) -> tuple[LogMessage, ...]:
        """Return the last `limit` messages of a stream, oldest first.

        Raise AwsNotFound if there is no such group or stream.
        """
        ...

    def log_groups(self, prefix: str) -> list[LogGroup]:
        """Return the log groups whose names begin with `prefix`."""
        ...

    def delete_log_group(self, name: str) -> None:
        """Delete a log group with all its events. Raise AwsNotFound if there is none."""
        ...


class LogsGateway:
    """CloudWatch Logs through boto3; the protocol above documents the methods."""

    def __init__(self, client: CloudWatchLogsClient) -> None:
        self._client = client

    def written_before(self, group: str, start: datetime, end: datetime) -> StreamEnd | None:
        pages = self._client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=_milliseconds(start), endTime=_milliseconds(end)
        )
        streams: dict[str, deque[LogMessage]] = {}
        started: set[str] = set()
        begun = ""
        with calling("logs:FilterLogEvents"):
            for page in islice(pages, MAX_PAGES):
                for event in page["events"]:
                    stream = event["logStreamName"]
                    if event["message"].startswith(START):
                        begun = stream
                        started.add(stream)
                    lines = streams.pop(stream, None) or deque(maxlen=MAX_LINES)
                    if event["message"].startswith(ENDS) and stream not in started:
                        continue  # and what came before it, of an invocation that began before `start`
                    lines.append(_line(event))
                    streams[stream] = lines  # the last one
        found = begun or next(reversed(streams), "")
        return StreamEnd(found, tuple(streams[found])) if found else None

    def tail(self, group: str, stream: str, limit: int) -> tuple[LogMessage, ...]:
        with calling("logs:GetLogEvents"):
            answer = self._client.get_log_events(
                logGroupName=group, logStreamName=stream, limit=limit, startFromHead=False
            )
        return tuple(_line(event) for event in answer["events"])

    def log_groups(self, prefix: str) -> list[LogGroup]:
        pages = self._client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        with calling("logs:DescribeLogGroups"):
            rows = [row for page in pages for row in page.get("logGroups", [])]
        return [
            LogGroup(
                name=row["logGroupName"],
                stored_bytes=row.get("storedBytes", 0),
                created_at=datetime.fromtimestamp(row["creationTime"] / 1000, UTC)
                if "creationTime" in row
                else None,
                retention_days=row.get("retentionInDays", 0),
            )
            for row in rows
        ]

    def delete_log_group(self, name: str) -> None:
        with calling("logs:DeleteLogGroup"):
            self._client.delete_log_group(logGroupName=name)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _line(event: FilteredLogEventTypeDef | OutputLogEventTypeDef) -> LogMessage:
    return LogMessage(
        at=datetime.fromtimestamp(event["timestamp"] / 1000, UTC), text=event["message"].rstrip("\n")
    )
