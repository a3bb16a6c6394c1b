"""Responses that AWS would not send: what botocore's shapes reveal, and what becomes of them."""

from __future__ import annotations

import asyncio
import datetime
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.serialize import RpcV2CBORSerializer

from sandbox_tests.sandboxes import Sandbox
from sanso_sandbox.server import response_shapes
from sanso_sandbox.server.call_log import Call, identify
from sanso_sandbox.server.checked_responses import FILE, CheckedResponses, checked
from sanso_sandbox.server.fault_middleware import CALL, Message, Scope, Send

CBOR = "application/cbor"


def _clusters(members: str) -> bytes:
    return (
        '<DescribeDBClustersResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBClustersResult>'
        f"<DBClusters><DBCluster>{members}</DBCluster></DBClusters></DescribeDBClustersResult>"
        "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DescribeDBClustersResponse>"
    ).encode()


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ("<Port>3306</Port><MultiAZ>true</MultiAZ>", []),
        ("<Color>red</Color>", ["DBClusters[].Color is unknown"]),
        ("<Port>many</Port>", ["DBClusters[].Port has the value 'many', which is no number"]),
        (
            "<MultiAZ>yes</MultiAZ>",
            ["DBClusters[].MultiAZ has the value 'yes', which is neither true nor false"],
        ),
        (
            "<ClusterCreateTime>today</ClusterCreateTime>",
            ["DBClusters[].ClusterCreateTime has the value 'today', which is no time"],
        ),
        ("<ClusterCreateTime>2026-01-02T03:04:05.123Z</ClusterCreateTime>", []),
        (
            "<TagList><item><Key>Team</Key></item></TagList>",
            ["DBClusters[].TagList has an element item in place of Tag"],
        ),
        (
            "<EngineMode>provisioned</EngineMode><ReaderEndpoint><Address>a</Address></ReaderEndpoint>",
            [],
        ),
    ],
)
def test_members_of_a_query_response(members: str, found: list[str]) -> None:
    problems = response_shapes.problems("rds", "DescribeDBClusters", "text/xml", _clusters(members))
    assert problems == found


def test_a_missing_required_member_and_a_value_outside_the_enum_are_found() -> None:
    event = "<StackId>1</StackId><EventId>1</EventId><Timestamp>2026-01-02T03:04:05Z</Timestamp>"
    body = (
        "<DescribeStackEventsResponse><DescribeStackEventsResult><StackEvents><member>"
        f"{event}<ResourceStatus>DONE</ResourceStatus>"
        "</member></StackEvents></DescribeStackEventsResult></DescribeStackEventsResponse>"
    ).encode()

    assert response_shapes.problems("cloudformation", "DescribeStackEvents", "text/xml", body) == [
        "StackEvents[].StackName is missing",
        "StackEvents[].ResourceStatus has the value 'DONE', which is not in the enum",
    ]


def test_the_same_difference_of_several_members_is_reported_once() -> None:
    body = _clusters("<Color>red</Color></DBCluster><DBCluster><Color>blue</Color>")
    assert response_shapes.problems("rds", "DescribeDBClusters", "text/xml", body) == [
        "DBClusters[].Color is unknown"
    ]


def test_a_result_without_its_wrapper_is_found() -> None:
    body = b"<DescribeDBClustersResponse><DBClusters/></DescribeDBClustersResponse>"
    assert response_shapes.problems("rds", "DescribeDBClusters", "text/xml", body) == [
        "DescribeDBClustersResult is missing"
    ]


def test_members_of_a_json_response() -> None:
    body = json.dumps(
        {"Parameters": [{"Name": "a", "Type": "Text", "Version": "1.5", "Owner": None}], "More": 1}
    )

    assert response_shapes.problems("ssm", "GetParameters", "application/x-amz-json-1.1", body.encode()) == [
        "More is unknown",
        "Parameters[].Type has the value 'Text', which is not in the enum",
        "Parameters[].Version has the value '1.5', which is no number",
    ]


def test_a_flattened_list_of_s3() -> None:
    objects = b"<Contents><Key>a</Key></Contents><Contents><Name>b</Name></Contents>"
    body = b"<ListBucketResult>" + objects + b"</ListBucketResult>"
    assert response_shapes.problems("s3", "ListObjectsV2", "application/xml", body) == [
        "Contents[].Name is unknown"
    ]


def test_the_content_of_an_object_and_the_result_of_a_function_have_no_shape() -> None:
    assert not response_shapes.is_checked("s3", "GetObject")
    assert not response_shapes.is_checked("lambda", "Invoke")
    assert response_shapes.is_checked("s3", "ListObjectsV2")


def test_members_of_a_binary_response_of_cloudwatch() -> None:
    at = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    right = {
        "MetricDataResults": [{"Id": "a", "Timestamps": [at], "Values": [1.5], "StatusCode": "Complete"}]
    }

    assert _metric_data(right) == []
    assert _metric_data({"MetricDataResults": [{"Id": "a", "StatusCode": "Done"}]}) == [
        "MetricDataResults[].StatusCode has the value 'Done', which is not in the enum",
    ]


def test_json_in_place_of_a_binary_response_is_found() -> None:
    body = b'{"MetricDataResults": []}'
    assert response_shapes.problems("cloudwatch", "GetMetricData", CBOR, body) == [
        "the body is invalid: no map in CBOR"
    ]


def test_a_binary_call_is_identified() -> None:
    headers = {"authorization": "AWS4-HMAC-SHA256 Credential=1/20260102/eu-west-1/monitoring/aws4_request"}
    path = "/service/GraniteServiceVersion20100801/operation/GetMetricData"
    call = identify("POST", path, headers, {}, b"")
    assert call is not None
    assert (call.service, call.action) == ("cloudwatch", "GetMetricData")


def _metric_data(content: dict[str, Any]) -> list[str]:
    body = bytearray()
    model = boto3.client("cloudwatch", region_name="eu-west-1").meta.service_model
    shape = model.operation_model("GetMetricData").output_shape
    serializer: Any = RpcV2CBORSerializer()
    serializer._serialize_data_item(body, content, shape)
    return response_shapes.problems("cloudwatch", "GetMetricData", CBOR, bytes(body))


def test_an_invalid_response_becomes_an_error_that_names_operation_and_member(tmp_path: Path) -> None:
    status, body = _sent(_clusters("<Color>red</Color>"), tmp_path / FILE)

    assert status == 501
    text = "rds DescribeDBClusters: DBClusters[].Color is unknown"
    assert (
        f"<Code>InvalidResponse</Code><Message>The sandbox&#x27;s response is not AWS&#x27;s. {text}" in body
    )
    assert (tmp_path / FILE).read_text() == f"{text}\n"


def test_a_valid_response_is_sent_as_it_is(tmp_path: Path) -> None:
    valid = _clusters("<Port>3306</Port>")

    assert _sent(valid, tmp_path / FILE) == (200, valid.decode())
    assert not (tmp_path / FILE).exists()


def test_responses_are_only_checked_where_that_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SANSO_SANDBOX_RESPONSES", raising=False)
    assert checked(_never, tmp_path) is _never
    monkeypatch.setenv("SANSO_SANDBOX_RESPONSES", "check")
    assert checked(_never, tmp_path) is not _never


def test_the_sandbox_of_tests_reports_each_invalid_response_once(tmp_path: Path) -> None:
    sandbox = Sandbox(command=[], folder=tmp_path, port=0, answers=lambda: True)
    assert sandbox.invalid_responses() == ""

    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE).write_text("rds DescribeDBClusters: …\n")

    assert sandbox.invalid_responses() == "rds DescribeDBClusters: …\n"
    assert sandbox.invalid_responses() == ""


def test_the_sandbox_of_tests_checks_its_responses(sandbox: Sandbox) -> None:
    assert sandbox.environment["SANSO_SANDBOX_RESPONSES"] == "check"


async def _never(scope: Scope, receive: Any, send: Send) -> None:
    raise AssertionError


def _sent(body: bytes, report: Path) -> tuple[int, str]:
    """Return the status and text that a client gets in place of a response."""
    sent: list[Message] = []

    async def application(scope: Scope, receive: Any, send: Send) -> None:
        headers = [(b"content-type", b"text/xml")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    call = Call("rds", "DescribeDBClusters", "123456789012", "eu-west-1", "query")
    scope: Scope = {"type": "http", "method": "POST", CALL: call}
    asyncio.run(CheckedResponses(application, report)(scope, receive, send))
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:]).decode()
