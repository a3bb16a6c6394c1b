"""The gateway to CloudWatch Logs: the last lines of a log, and the log groups that remain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from deployments.aws.error_mapping import calling

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One message of a log stream."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGroup:
    """A log group. `retention_days` is 0 when its events never expire."""

    name: str
    stored_bytes: int
    created_at: datetime | None = None
    retention_days: int = 0


class Logs(Protocol):
    """The calls to CloudWatch Logs that the runner makes."""

    def newest_stream(self, group: str) -> str:
        """Return the name of the stream that was written to last, "" if the group has none.

        Raise AwsNotFound if there is no such group.
        """
        ...

    def tail(self, group: str, stream: str, limit: int) -> tuple[LogLine, ...]:
        """Return the last `limit` messages of a stream, oldest first.

        Raise AwsNotFound if there is no such group or stream.
        """
        ...

    def log_groups(self, prefix: str) -> list[LogGroup]:
        """Return the log groups whose names begin with `prefix`."""
        ...

    def delete_log_group(self, name: str) -> None:
        """Delete a log group with all its events. Raises AwsNotFound when there is none."""
        ...


class LogsGateway:
    """CloudWatch Logs through boto3; the protocol above says what each method does."""

    def __init__(self, client: CloudWatchLogsClient) -> None:
        self._client = client

    def newest_stream(self, group: str) -> str:
        with calling("logs:DescribeLogStreams"):
            answer = self._client.describe_log_streams(
                logGroupName=group, orderBy="LastEventTime", descending=True, limit=1
            )
        return next((stream["logStreamName"] for stream in answer["logStreams"]), "")

    def tail(self, group: str, stream: str, limit: int) -> tuple[LogLine, ...]:
        with calling("logs:GetLogEvents"):
            answer = self._client.get_log_events(
                logGroupName=group, logStreamName=stream, limit=limit, startFromHead=False
            )
        return tuple(
            LogLine(
                at=datetime.fromtimestamp(event["timestamp"] / 1000, UTC), text=event["message"].rstrip("\n")
            )
            for event in answer["events"]
        )

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
