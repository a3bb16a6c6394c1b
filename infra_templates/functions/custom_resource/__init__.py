"""The protocol of custom resources: handle a request and send CloudFormation exactly one response.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
import logging
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from botocore.exceptions import ClientError

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)

# Seconds before the function's timeout at which a response has to be sent.
RESPONSE_SECONDS: Final = 15.0
_ATTEMPTS: Final = 4
_SEND_SECONDS: Final = 3.0
# A response may have 4096 bytes; the longest other part is the StackId.
_MAX_REASON: Final = 1000
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_ENCODED: Final = " Encoded authorization failure message:"


class Context(Protocol):
    """The attributes of Lambda's context object that are used here."""

    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function's timeout."""


class Rejected(Exception):
    """The request cannot be fulfilled. The operator sees the message, so it must not contain a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request from CloudFormation."""

    kind: Literal["Create", "Update", "Delete"]
    stack_id: str
    request_id: str
    logical_id: str
    physical_id: str  # empty on Create
    properties: Mapping[str, Any]
    response_url: str = field(repr=False)  # pre-signed: its possession allows a response
    deadline: float  # time.monotonic() by which the handler has to finish

    @classmethod
    def from_event(cls, event: Mapping[str, Any], context: Context) -> Request:
        """Return the request of an event. Raises KeyError for other events."""
        return cls(
            kind=event["RequestType"],
            stack_id=event["StackId"],
            request_id=event["RequestId"],
            logical_id=event["LogicalResourceId"],
            physical_id=event.get("PhysicalResourceId", ""),
            properties=event.get("ResourceProperties") or {},
            response_url=event["ResponseURL"],
            deadline=time.monotonic() + context.get_remaining_time_in_millis() / 1000 - RESPONSE_SECONDS,
        )

    def required(self, name: str) -> str:
        """Return a string property. Raises Rejected if it is missing."""
        value = self.properties.get(name)
        if not isinstance(value, str) or not value:
            raise Rejected(f"The property {name} is missing.")
        return value


# Fulfills a request and returns the physical id. It must stay the same for the same resource: CloudFormation
# deletes the previous one when an update returns another.
RequestHandler = Callable[[Request], str]


def respond(event: Mapping[str, Any], context: Context, handle: RequestHandler) -> None:
    """Call `handle` for an event and send CloudFormation a response, whatever happens.

    Raises URLError if the response cannot be sent; Lambda then retries the function.
    """
    request = Request.from_event(event, context)
    log.info("%s %s (%s)", request.kind, request.logical_id, request.request_id)
    response = _Response(request, f"See the log stream {context.log_stream_name}.")
    watchdog = threading.Timer(max(request.deadline - time.monotonic(), 0.0), response.time_out)
    watchdog.daemon = True
    watchdog.start()
    try:
        physical_id, reason = _handled(handle, request)
        if reason:
            response.fail(reason)
        else:
            response.succeed(physical_id)
    finally:
        watchdog.cancel()
        watchdog.join()  # it may be sending: Lambda freezes the process when this function returns


def _handled(handle: RequestHandler, request: Request) -> tuple[str, str]:
    """Call `handle` and return (physical id, ""), or ("", the reason of its failure)."""
    try:
        return handle(request), ""
    except Rejected as error:
        log.warning("Rejected: %s", error)
        return "", str(error)
    except ClientError as error:
        reason = _reason_of_aws(error)
        log.error("%s\n%s", reason, "".join(traceback.format_tb(error.__traceback__)))
        return "", reason
    except Exception as error:  # noqa: BLE001 - without a response the stack waits for its timeout
        # Without the message: a driver may quote the statement, which may contain a password.
        log.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
        return "", f"The function failed with {type(error).__name__}."


def _reason_of_aws(error: ClientError) -> str:
    """Return the call and AWS's code, and who may not call what if AWS has denied it.

    Other messages may quote the values of the call.
    """
    answer = error.response.get("Error", {})
    code, message = answer.get("Code", "unknown"), answer.get("Message", "")
    denied = f": {message.partition(_ENCODED)[0].rstrip('.')}" if code in _DENIED else ""
    return f"{error.operation_name} failed ({code}){denied}."


class _Response:
    """The only response to a request: the first one is sent, others are ignored."""

    def __init__(self, request: Request, where: str) -> None:
        self._request = request
        self._where = where
        self._sent = threading.Lock()

    def succeed(self, physical_id: str) -> None:
        self._send("SUCCESS", physical_id, "")

    def fail(self, reason: str) -> None:
        self._send("FAILED", "", f"{reason[:_MAX_REASON]} {self._where}")

    def time_out(self) -> None:
        self.fail("The function timed out.")

    def _send(self, status: str, physical_id: str, reason: str) -> None:
        if not self._sent.acquire(blocking=False):
            return
        request = self._request
        body = {
            "Status": status,
            "Reason": reason,
            "StackId": request.stack_id,
            "RequestId": request.request_id,
            "LogicalResourceId": request.logical_id,
            # CloudFormation requires an id also from a failed create.
            "PhysicalResourceId": physical_id or request.physical_id or request.logical_id,
        }
        _put(request.response_url, json.dumps(body).encode())
        log.info("Sent %s", status)


def _put(url: str, body: bytes) -> None:
    """Send the response. Raises URLError after the last attempt."""
    # The URL is signed for a request without a content type; urllib would add one.
    message = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310 - CloudFormation's own
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(message, timeout=_SEND_SECONDS):  # noqa: S310
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            log.warning("Attempt %d to send the response: %s", attempt, type(error).__name__)
            if attempt == _ATTEMPTS:
                raise
            time.sleep(0.2 * 2**attempt)
