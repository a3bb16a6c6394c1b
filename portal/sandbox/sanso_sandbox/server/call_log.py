"""Identifies the AWS call of a request (service, action, account), and keeps a bounded log of calls."""

import functools
import re
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from botocore.loaders import Loader
from ministack.app import _extract_s3_vhost_bucket
from ministack.core import responses, router

from sanso_sandbox.server.callers import Caller

LENGTH: Final = 20_000  # maximum number of calls in the log

# Services whose name in boto3 differs from the name in signatures.
BOTO3_NAMES: Final = {
    "elasticloadbalancing": "elbv2",
    "email": "ses",
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
_RPC = re.compile(r"/service/[^/]+/operation/(?P<operation>\w+)")
_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/(?P<service>[^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Call:
    """An AWS call with boto3's names; the protocol is that of its errors."""

    service: str
    action: str
    account: str
    region: str
    protocol: str  # query, ec2, json, rest-json or rest-xml
    access_key: str = ""
    caller: str = ""  # the name of the key's owner, or the ARN of a role's session


@dataclass(frozen=True, slots=True)
class Entry:
    """A call in the log; n counts up from 1 while the sandbox runs."""

    n: int
    call: Call
    at: float

    def as_dict(self) -> dict[str, Any]:
        """Return the call in the control API's format."""
        call = self.call
        return {
            "n": self.n,
            "service": call.service,
            "action": call.action,
            "account": call.account,
            "region": call.region,
            "caller": call.caller,
            "at": self.at,
        }


_entries: deque[Entry] = deque(maxlen=LENGTH)
_count = 0


def write(call: Call) -> None:
    """Add a received call."""
    global _count
    _count += 1
    _entries.append(Entry(_count, call, time.time()))


def read(since: int = 0, account: str | None = None) -> list[Entry]:
    """Return the calls after number `since`, of one account or of all."""
    return [entry for entry in _entries if entry.n > since and account in (None, entry.call.account)]


def forget(account: str | None) -> None:
    """Remove the calls of an account, or all; numbering continues."""
    kept = [entry for entry in _entries if account not in (None, entry.call.account)]
    _entries.clear()
    _entries.extend(kept)


def has_form(headers: Mapping[str, str]) -> bool:
    """Return whether a request's action is in its body."""
    return "x-amz-target" not in headers and headers.get("content-type", "").startswith(
        "application/x-www-form-urlencoded"
    )


def identify(
    method: str,
    path: str,
    headers: Mapping[str, str],
    query: dict[str, list[str]],
    body: bytes,
    caller: Caller | None = None,
) -> Call | None:
    """Return the call of a signed request, or None if it is not an AWS call.

    Args:
        headers: with lower-case names.
        body: only used for a form.
        caller: the principal that signed it.
    """
    signed = _SCOPE.search(headers.get("authorization", "")) or _presigned(query)
    if signed is None or path.startswith("/_"):
        return None
    name = BOTO3_NAMES.get(signed["service"], signed["service"])
    protocol, action = _action(name, method, path, headers, query, body)
    access_key = router.extract_access_key_id(dict(headers), query)
    with responses.request_scope(responses.get_account_id(), router.extract_region(dict(headers), query)):
        responses.set_request_account_id(access_key)
        account, region = responses.get_account_id(), responses.get_region()
    return Call(name, action, account, region, protocol, access_key, _name_of(caller))


def _name_of(caller: Caller | None) -> str:
    if caller is None:
        return ""
    return caller.name if caller.kind == "root" else caller.arn


def _presigned(query: dict[str, list[str]]) -> re.Match[str] | None:
    return _SCOPE.search(f"Credential={query.get('X-Amz-Credential', [''])[0]}")


def _action(
    service: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    query: dict[str, list[str]],
    body: bytes,
) -> tuple[str, str]:
    if target := headers.get("x-amz-target"):
        return "json", target.rsplit(".", 1)[-1]
    form = parse_qs(body.decode(errors="replace")) if has_form(headers) else {}
    if found := form.get("Action") or query.get("Action"):
        return ("ec2" if service == "ec2" else "query"), found[0]
    if service == "s3" and (bucket := _extract_s3_vhost_bucket(headers.get("host", ""))):
        path = f"/{bucket}{path}"
    if operation := _RPC.fullmatch(
        path
    ):  # https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
        return "json", operation["operation"]
    protocol = "rest-xml" if service in ("s3", "route53", "cloudfront") else "rest-json"
    return protocol, _rest_action(service, method, path, headers, query)


def _rest_action(
    service: str, method: str, path: str, headers: Mapping[str, str], query: dict[str, list[str]]
) -> str:
    """Return the REST operation that matches a request's path and has the most matching required parts."""
    best, name = -1, "Unknown"
    trimmed = path.rstrip("/") or "/"
    for operation in _operations(service):
        if operation.method != method or not operation.path.fullmatch(trimmed):
            continue
        if operation.fits(headers, query) and len(operation.required) > best:
            best, name = len(operation.required), operation.name
    return name


@dataclass(frozen=True, slots=True)
class _Operation:
    name: str
    method: str
    path: re.Pattern[str]
    required: tuple[tuple[str, str, str], ...]  # ("query" or "header", name, value or "")

    def fits(self, headers: Mapping[str, str], query: dict[str, list[str]]) -> bool:
        for place, name, value in self.required:
            if place == "header":
                if name not in headers:
                    return False
            elif name not in query or (value and query[name][0] != value):
                return False
        return True


@functools.cache
def _operations(service: str) -> tuple[_Operation, ...]:
    """Return the operations of a REST service from its botocore model; none without a model."""
    loader = Loader()
    if service not in loader.list_available_services("service-2"):
        return ()
    model = loader.load_service_model(service, "service-2")
    return tuple(_read_operation(model, name) for name in model["operations"])


def _read_operation(model: dict[str, Any], name: str) -> _Operation:
    operation = model["operations"][name]
    address, _mark, static = operation["http"]["requestUri"].partition("?")
    pattern = re.sub(r"\\\{\w+\\\+\\\}", "(?:.+)", re.escape(address))
    pattern = re.sub(r"\\\{\w+\\\}", "(?:[^/]+)", pattern)
    required = [
        ("query", key, value)
        for key, _equals, value in (part.partition("=") for part in static.split("&") if part)
        if key != "x-id"
    ]
    required += _required_members(model, operation)
    return _Operation(
        name, operation["http"]["method"], re.compile(pattern.rstrip("/") or "/"), tuple(required)
    )


def _required_members(model: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    shape = model["shapes"].get((operation.get("input") or {}).get("shape"), {})
    for member in shape.get("required") or ():
        found = shape["members"][member]
        if found.get("location") == "querystring":
            yield "query", found["locationName"], ""
        elif found.get("location") == "header" and found["locationName"].startswith("x-amz-copy"):
            yield "header", found["locationName"], ""
