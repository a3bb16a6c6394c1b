"""CloudTrail's event history: who called what, with which result. It is bounded for each account and region.

Kept are writes, and calls that were rejected: reads that succeed would displace them within minutes. Of the
parameters of a call, only those that name resources are kept.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sanso_sandbox.engine.time_scale import Moment

LENGTH: Final = 1000
"""Maximum number of events of an account and region; the oldest are dropped."""
DELIVERY: Final = 300.0
"""AWS's seconds until an event is found: about five minutes on average, by AWS's documentation.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html
"""
MAX_NAMES: Final = 20
MAX_TEXT: Final = 1000  # characters of a name, a message or a user agent
_NAMING: Final = ("arn", "arns", "bucket", "id", "identifier", "identifiers", "ids", "name", "names")
_SESSION: Final = ":assumed-role/"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEvent:
    """One call. `names` are the resources in it, `invoked_by` the service that made it for a caller."""

    principal: str  # an ARN
    service: str  # as in its domain name
    action: str
    region: str
    account: str
    names: tuple[str, ...] = ()
    code: str = ""
    message: str = ""
    agent: str = ""
    invoked_by: str = ""
    is_read: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    at: int = field(default_factory=lambda: int(time.time()))

    @property
    def user(self) -> str:
        """The user name that CloudTrail is searched for: of a user, or the name of a role's session."""
        return "root" if self.principal.endswith(":root") else self.principal.rpartition("/")[2]

    def as_record(self) -> dict[str, Any]:
        """Return the event as LookupEvents returns it."""
        error = {"errorCode": self.code, "errorMessage": self.message} if self.code else {}
        record = {
            "eventVersion": "1.08",
            "userIdentity": self._identity(),
            "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.at)),
            "eventSource": f"{self.service}.amazonaws.com",
            "eventName": self.action,
            "awsRegion": self.region,
            "sourceIPAddress": self.invoked_by or "127.0.0.1",
            "userAgent": self.invoked_by or self.agent,
            **error,
            "requestParameters": None,
            "responseElements": None,
            "eventID": self.id,
            "readOnly": self.is_read,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": self.account,
        }
        return {
            "EventId": self.id,
            "EventName": self.action,
            "ReadOnly": str(self.is_read).lower(),
            "EventTime": self.at,
            "EventSource": f"{self.service}.amazonaws.com",
            "Username": self.user,
            "Resources": [{"ResourceName": name} for name in self.names],
            "CloudTrailEvent": json.dumps(record),
        }

    def _identity(self) -> dict[str, Any]:
        kind = "Root" if self.user == "root" else "AssumedRole" if _SESSION in self.principal else "IAMUser"
        found = {"type": kind, "arn": self.principal, "accountId": self.account}
        return found | ({"invokedBy": self.invoked_by} if self.invoked_by else {})


_lock = threading.Lock()
_events: dict[tuple[str, str], deque[tuple[Moment, TrailEvent]]] = {}


def record(event: TrailEvent) -> None:
    """Add an event; it is found after the time that its delivery takes."""
    with _lock:
        kept = _events.setdefault((event.account, event.region), deque(maxlen=LENGTH))
        kept.append((Moment(), event))


def delivered(account: str, region: str) -> list[TrailEvent]:
    """Return the events that LookupEvents finds now, newest first."""
    with _lock:
        kept = list(_events.get((account, region), ()))
    return [event for moment, event in reversed(kept) if moment.is_past(DELIVERY)]


def reset(account: str | None) -> None:
    """Remove the events of an account, or of all accounts."""
    with _lock:
        for key in [key for key in _events if account in (None, key[0])]:
            del _events[key]


def names_in(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names and ids of resources in the parameters of a call, such as of `GroupId`."""
    return tuple(dict.fromkeys(_names(parameters)))[:MAX_NAMES]


def _names(parameters: Mapping[str, Any]) -> Iterator[str]:
    for name, value in parameters.items():
        # Of a form, `GroupId.1` and `Ids.member.1` are elements of lists.
        word = [part for part in name.split(".") if part != "member" and not part.isdecimal()][-1:]
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping):
                yield from _names(one)
            elif isinstance(one, str) and one and word and _is_naming(word[0]):
                yield one[:MAX_TEXT]


def _is_naming(parameter: str) -> bool:
    """Return whether the last word of a parameter's name is one that names resources."""
    last = parameter[max((at for at, one in enumerate(parameter) if one.isupper()), default=0) :]
    return last.lower() in _NAMING or parameter.lower() in _NAMING
