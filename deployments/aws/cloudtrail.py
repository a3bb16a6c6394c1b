"""The gateway to CloudTrail: who called AWS, from the event history of an account and region.

Parameters and results of the recorded calls are not read: they may contain secrets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from deployments.aws.error_mapping import calling

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudtrail.type_defs import EventTypeDef

PAGE = 50
"""Events in one response, the maximum (API LookupEvents)."""
MAX_CLIENT = 60
"""Characters of a caller's program that are kept: its name and version."""
_SERVICES = {"monitoring": "cloudwatch", "tagging": "tag"}
"""Prefixes of actions where they differ from the domain name of the service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEvent:
    """One call in the event history.

    `principal` is the ARN of the caller, or the service's name; `client` the service or program with which it
    called. `code` is the error, "" if the call succeeded, and `message` AWS's text about it.
    """

    event_id: str
    at: datetime
    action: str
    principal: str
    client: str = ""
    code: str = ""
    message: str = ""
    is_read: bool = False


class CloudTrail(Protocol):
    """The call to CloudTrail that the runner makes."""

    def by_user(self, name: str, start: datetime, end: datetime, limit: int) -> list[TrailEvent]:
        """Return the latest calls of a user, or of a role's session with this name, newest first."""
        ...

    def of_resource(self, name: str, end: datetime) -> list[TrailEvent]:
        """Return the latest calls that named a resource until a time, newest first: at most one page."""
        ...


class CloudTrailGateway:
    """CloudTrail through boto3; the protocol above documents the methods."""

    def __init__(self, client: CloudTrailClient) -> None:
        self._client = client

    def by_user(self, name: str, start: datetime, end: datetime, limit: int) -> list[TrailEvent]:
        return self._found("Username", name, limit, {"StartTime": start, "EndTime": end})

    def of_resource(self, name: str, end: datetime) -> list[TrailEvent]:
        return self._found("ResourceName", name, PAGE, {"EndTime": end})

    def _found(
        self, key: Literal["Username", "ResourceName"], value: str, limit: int, times: Mapping[str, datetime]
    ) -> list[TrailEvent]:
        pages = self._client.get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}],
            PaginationConfig={"MaxItems": limit, "PageSize": PAGE},
            **times,  # type: ignore[arg-type]  # StartTime and EndTime
        )
        with calling("cloudtrail:LookupEvents"):
            return [_event(row) for page in pages for row in page["Events"]]


def _event(row: EventTypeDef) -> TrailEvent:
    record = _record(row.get("CloudTrailEvent", ""))
    identity = _mapping(record.get("userIdentity"))
    service = str(row.get("EventSource", "")).partition(".")[0]
    invoker = str(identity.get("invokedBy") or "")
    program = str(record.get("userAgent") or "").partition(" ")[0]
    return TrailEvent(
        event_id=row["EventId"],
        at=row["EventTime"],
        action=f"{_SERVICES.get(service, service)}:{row.get('EventName', '')}",
        principal=str(identity.get("arn") or invoker or row.get("Username") or ""),
        client=(invoker or program)[:MAX_CLIENT],
        code=str(record.get("errorCode") or "").removeprefix("Client."),
        message=str(record.get("errorMessage") or ""),
        is_read=row.get("ReadOnly") == "true",
    )


def _record(text: str) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(text or "{}"))
    except ValueError:
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
