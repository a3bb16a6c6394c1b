"""The gateway to CloudWatch Logs: the last lines of a log."""

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
