"""AWS call logs as answers for the gateways: which methods make a call, and what they do with its answer.

A line of a log that Sanso made has AWS's raw `body`. A line from documentation may have `parsed` instead,
what the AWS CLI prints, and has a `source_url`.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import json
import re
import typing
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from types import UnionType
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.parsers import create_parser
from botocore.utils import parse_timestamp

from deployments.aws.autoscaling import AutoScalingGateway
from deployments.aws.cloudformation import CloudFormationGateway
from deployments.aws.cloudtrail import CloudTrailGateway
from deployments.aws.cloudwatch import CloudWatchGateway
from deployments.aws.ec2 import EC2Gateway
from deployments.aws.elbv2 import ELBv2Gateway
from deployments.aws.logs import LogsGateway
from deployments.aws.rds import RDSGateway
from deployments.aws.s3 import S3Gateway
from deployments.aws.ssm import SSMGateway
from deployments.aws.sts import STSGateway
from deployments.aws.tagging import TaggingGateway

FOLDER = Path(__file__).parent / "call_logs"
REGION = "ap-northeast-1"
TEXT = "11111111-2222-4333-8444-555555555555"
CLIENTS = {
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "tagging": "resourcegroupstaggingapi",
}
"""boto3's names of services where they are not the prefix of their addresses, which logs have."""
GATEWAYS: dict[str, Callable[[Any], Any]] = {
    "autoscaling": AutoScalingGateway,
    "cloudformation": CloudFormationGateway,
    "cloudtrail": CloudTrailGateway,
    "ec2": EC2Gateway,
    "elasticloadbalancing": ELBv2Gateway,
    "logs": LogsGateway,
    "monitoring": CloudWatchGateway,
    "rds": RDSGateway,
    "s3": lambda client: S3Gateway(client, REGION),
    "ssm": SSMGateway,
    "sts": STSGateway,
    "tagging": TaggingGateway,
}
AFTER_OTHERS = {
    *(("rds", "DeleteDBClusterAutomatedBackup"), ("rds", "DeleteDBClusterSnapshot")),
    *(("rds", "DeleteDBSnapshot"), ("s3", "DeleteObjects")),
    *(("ssm", "GetCommandInvocation"), ("sts", "AssumeRole")),
}
"""Calls that follow the answer to another, or that botocore makes: only its parser reads their answers."""
_LAST_PAGE = {"IsTruncated": False, "HasMoreResults": False}
_TOKENS = ("NextToken", "nextToken", "Marker", "NextMarker", "NextContinuationToken", "PaginationToken")
_PLAIN: dict[Any, Any] = {str: TEXT, int: 10, float: 1.0, bool: False, bytes: b"x"}

Call = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """A log: its first line, and the calls."""

    name: str
    about: Call
    calls: tuple[Call, ...]


def read_all() -> list[LogFile]:
    """Return every log of the folder."""
    return [read(path) for path in sorted(FOLDER.glob("*.jsonl"))]


def read(path: Path) -> LogFile:
    """Return a log from its file."""
    about, *calls = (json.loads(line) for line in path.read_text().splitlines() if line)
    return LogFile(name=path.name, about=about, calls=tuple(calls))


def is_withheld(body: str) -> bool:
    """Return whether a body is a note of what is not in the log."""
    return bool(re.fullmatch(r"\[\d+ bytes withheld\]", body))


def error_of(call: Call) -> str:
    """Return AWS's code in an answer, "" if the call succeeded."""
    if call["status"] < 300:
        return ""
    model = client_of(call["service"]).meta.service_model
    parser = create_parser(model.protocol)
    headers = {**call.get("headers", {}), "x-amzn-errortype": call.get("error", "")}
    answer = {"status_code": call["status"], "headers": headers, "body": call["body"].encode()}
    parsed: Any = parser.parse(answer, model.operation_model(call["operation"]).output_shape)
    return str(parsed.get("Error", {}).get("Code", ""))


def replay(call: Call) -> dict[str, Any]:
    """Let each method of a gateway that makes a call get its answer; return what the methods return or raise.

    Other calls that a method makes have an empty answer.
    """
    service, operation = call["service"], call["operation"]
    if (service, operation) in AFTER_OTHERS:
        model = client_of(service).meta.service_model.operation_model(operation)
        return {"": answered(call, model)[1]}
    given = functools.partial(answered, call)
    return {method: _result(service, method, given) for method in methods_of(service)[operation]}


def _result(service: str, method: str, on_call: Callable[..., Any]) -> Any:
    client = client_of(service)
    gateway, events = GATEWAYS[service](client), client.meta.events
    events.register("before-call", on_call)
    events.register("after-call", _without_next_page)
    try:
        return getattr(gateway, method)(**arguments_of(getattr(gateway, method)))
    except Exception as exc:  # noqa: BLE001  # the test judges it
        return exc
    finally:
        events.unregister("before-call", on_call)


@functools.cache
def methods_of(service: str) -> Mapping[str, list[str]]:
    """Return the methods of a gateway by the operations that they call, also if these answer nothing."""
    found = defaultdict(list)
    gateway = GATEWAYS[service](client_of(service))
    for method, _ in inspect.getmembers(gateway, inspect.ismethod):
        if method.startswith("_"):
            continue
        called: list[str] = []

        def noted(model: Any, called: list[str] = called, **_rest: Any) -> Any:
            called.append(model.name)
            return _empty()

        _result(service, method, noted)
        for operation in dict.fromkeys(called):
            found[operation].append(method)
    return found


@functools.cache
def client_of(service: str) -> Any:
    """Return a client without credentials: the tests answer its requests before they are signed."""
    return boto3.client(  # type: ignore[call-overload]  # any service
        CLIENTS.get(service, service),
        region_name=REGION,
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )


def _empty() -> tuple[AWSResponse, dict[str, Any]]:
    headers: Any = {}
    return AWSResponse("", 200, headers, BytesIO()), {"ResponseMetadata": {"HTTPStatusCode": 200}}


def answered(call: Call, model: Any, **_rest: Any) -> Any:
    """Return the parsed answer to a request, as botocore's parsers return it."""
    if model.name != call["operation"]:
        return _empty()
    response = AWSResponse("", call["status"], call.get("headers", {}), BytesIO())
    if "parsed" in call:
        parsed = _typed(call["parsed"], model.output_shape) | {"ResponseMetadata": {"HTTPStatusCode": 200}}
        return response, parsed
    body = call["body"].encode()
    headers = dict(call.get("headers", {}))
    parser = create_parser(model.service_model.protocol)
    answer = {"status_code": call["status"], "headers": headers, "body": body}
    if model.has_streaming_output and call["status"] < 300:
        answer["body"] = BytesIO(body)
    return response, parser.parse(answer, model.output_shape)


def _without_next_page(parsed: dict[str, Any], **_rest: Any) -> None:
    for name in _TOKENS:
        parsed.pop(name, None)
    parsed.update({name: value for name, value in _LAST_PAGE.items() if name in parsed})


def _typed(value: Any, shape: Any) -> Any:
    """Return what the AWS CLI prints with the times that botocore returns."""
    if shape.type_name == "structure":
        return {
            name: _typed(one, shape.members[name]) for name, one in value.items() if name in shape.members
        }
    if shape.type_name == "list":
        return [_typed(one, shape.member) for one in value]
    if shape.type_name == "map":
        return {name: _typed(one, shape.value) for name, one in value.items()}
    return parse_timestamp(value) if shape.type_name == "timestamp" else value


def arguments_of(method: Any) -> dict[str, Any]:
    """Return an argument for each parameter of a method, by its type."""
    hints = typing.get_type_hints(method)
    names = inspect.signature(method).parameters
    return {name: _value(hints[name]) for name in names}


def _value(hint: Any) -> Any:
    if hint in _PLAIN:
        return _PLAIN[hint]
    if hint is datetime:
        return datetime(2026, 12, 1, tzinfo=UTC)
    if is_dataclass(hint) and isinstance(hint, type):
        hints = typing.get_type_hints(hint)
        needed = [
            one.name for one in fields(hint) if one.default is MISSING and one.default_factory is MISSING
        ]
        return hint(**{name: _value(hints[name]) for name in needed})
    origin, given = typing.get_origin(hint), typing.get_args(hint)
    if origin in (UnionType, typing.Union):
        return None if type(None) in given else _value(given[0])
    if origin is collections.abc.Mapping:
        return {_value(given[0]): _value(given[1])}
    if origin is tuple:
        return (_value(given[0]),)
    if origin is collections.abc.Sequence:
        return [_value(given[0])]
    return given[0]  # a Literal
