"""CloudTrail: LookupEvents finds the calls of an account's event history, with at most one filter.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
MiniStack records nothing unless it is told to, and then neither rejected calls nor who called.
"""

import json
from typing import Any, Final

from ministack.services import cloudtrail

from sanso_sandbox.engine import trail
from sanso_sandbox.engine.registry import Answer, Record, here

PAGE: Final = 50
_ATTRIBUTES: Final = frozenset(
    {"EventId", "EventName", "EventSource", "ReadOnly", "ResourceName", "ResourceType", "Username"}
    | {"AccessKeyId"}
)


def install() -> None:
    """Install the lookup."""
    cloudtrail._DISPATCH["LookupEvents"] = _lookup


def reset(account: str | None) -> None:
    """Delete the event history of an account, or all."""
    trail.reset(account)


def _lookup(request: Record) -> Answer:
    if refusal := _refusal(request):
        return _refused(*refusal)
    scope, first = here(), int(str(request.get("NextToken") or "0"))
    size = int(request.get("MaxResults") or PAGE)
    found = [
        record
        for event in trail.delivered(scope.account, scope.region)
        if _is_between(event.at, request.get("StartTime"), request.get("EndTime"))
        for record in [event.as_record()]
        if all(_matches(record, one) for one in request.get("LookupAttributes") or ())
    ]
    body: dict[str, Any] = {"Events": found[first : first + size]}
    if first + size < len(found):
        body["NextToken"] = str(first + size)
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()


def _refusal(request: Record) -> tuple[str, str] | None:
    """Return the error of an invalid request, None of a valid one."""
    filters = request.get("LookupAttributes") or []
    if len(filters) > 1 or any(one.get("AttributeKey") not in _ATTRIBUTES for one in filters):
        return "InvalidLookupAttributesException", "Specify one lookup attribute that exists."
    if not 1 <= int(request.get("MaxResults") or PAGE) <= PAGE:
        return "InvalidMaxResultsException", f"MaxResults is a number from 1 to {PAGE}."
    if not str(request.get("NextToken") or "0").isdecimal():
        return "InvalidNextTokenException", "The token is not one of an earlier response."
    return None


def _is_between(at: int, start: Any, end: Any) -> bool:
    return (start is None or at >= float(start)) and (end is None or at <= float(end))


def _matches(record: Record, attribute_filter: Record) -> bool:
    attribute, value = attribute_filter["AttributeKey"], attribute_filter.get("AttributeValue")
    if attribute == "ResourceName":
        return any(one["ResourceName"] == value for one in record["Resources"])
    return bool(record.get(attribute) == value)


def _refused(code: str, message: str) -> Answer:
    body = json.dumps({"__type": code, "message": message}).encode()
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, body
