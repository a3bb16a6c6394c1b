"""Which invocation's log is found between two times. Responses are validated by botocore's own model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from deployments.aws.logs import LogsGateway
from tests.aws.conftest import Stub

BEGIN = datetime(2026, 1, 2, 10, tzinfo=UTC)
GROUP = "/aws/lambda/table"


def found(stub: Stub, *messages: tuple[str, str]) -> tuple[str, list[str]] | None:
    """Return the stream and the lines that are found among these messages, each with its stream's name."""
    client, stubber = stub("logs")
    events = [
        {"logStreamName": stream, "message": text, "timestamp": int(BEGIN.timestamp() * 1000) + number}
        for number, (stream, text) in enumerate(messages)
    ]
    stubber.add_response("filter_log_events", {"events": events})
    end = LogsGateway(client).written_before(GROUP, BEGIN, BEGIN + timedelta(seconds=1))
    return (end.stream, [line.text for line in end.lines]) if end else None


def test_the_invocation_that_began_last_is_found(stub: Stub) -> None:
    first = ("one", "START RequestId: 1"), ("one", "looking"), ("one", "END RequestId: 1")
    second = ("two", "START RequestId: 2"), ("two", "not there")
    late = ("one", "REPORT RequestId: 1")

    assert found(stub, *first, *second, late) == ("two", ["START RequestId: 2", "not there"])


def test_the_end_of_an_invocation_that_began_before_is_not_the_log(stub: Stub) -> None:
    earlier = ("one", "the last line"), ("one", "END RequestId: 1"), ("one", "REPORT RequestId: 1")

    assert found(stub, *earlier) is None
    assert found(stub, *earlier, ("one", "START RequestId: 2")) == ("one", ["START RequestId: 2"])
    assert found(stub, *earlier, ("two", '{"level": "ERROR"}')) == ("two", ['{"level": "ERROR"}'])


def test_without_starts_the_stream_of_the_last_message_is_found(stub: Stub) -> None:
    lines = ("one", "a"), ("two", "b"), ("one", "c")

    assert found(stub, *lines) == ("one", ["a", "c"])
    assert found(stub) is None
