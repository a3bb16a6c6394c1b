"""The custom resource's side of CloudFormation's protocol: take a request, do the work, answer exactly once.

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

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)

# What is left of the function's time when an answer must be on its way.
ANSWER_SECONDS: Final = 15.0
_ATTEMPTS: Final = 4
_SEND_SECONDS: Final = 3.0
# A whole answer may have 4096 bytes; the longest part besides this one is the StackId.
_LONGEST_REASON: Final = 1000


class Context(Protocol):
    """What Lambda tells a function about its invocation, as far as it is read here."""

    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left of the function's timeout."""


class Refused(Exception):
    """The work cannot be done. The text is shown to the operator, so it holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of CloudFormation's."""

    kind: Literal["Create", "Update", "Delete"]
    stack_id: str
    request_id: str
    logical_id: str
    physical_id: str  # empty on Create
    properties: Mapping[str, Any]
    response_url: str = field(repr=False)  # signed: whoever has it can answer
    deadline: float  # time.monotonic() at which the work must be over

    @classmethod
    def from_event(cls, event: Mapping[str, Any], context: Context) -> Request:
        """Read an event. Raises KeyError when it is not one of CloudFormation's."""
        return cls(
            kind=event["RequestType"],
            stack_id=event["StackId"],
            request_id=event["RequestId"],
            logical_id=event["LogicalResourceId"],
            physical_id=event.get("PhysicalResourceId", ""),
            properties=event.get("ResourceProperties") or {},
            response_url=event["ResponseURL"],
            deadline=time.monotonic() + context.get_remaining_time_in_millis() / 1000 - ANSWER_SECONDS,
        )

    def required(self, name: str) -> str:
        """Return a property's text. Raises Refused when the template does not give it."""
        value = self.properties.get(name)
        if not isinstance(value, str) or not value:
            raise Refused(f"The property {name} is missing.")
        return value


# Does what is asked for and returns the physical id, which must stay the same for the same thing:
# CloudFormation deletes the old one when an update answers with another.
Work = Callable[[Request], str]


def respond(event: Mapping[str, Any], context: Context, work: Work) -> None:
    """Carry out `work` for an event and answer CloudFormation, whatever happens.

    Raises URLError when the answer could not be sent at all; Lambda then calls the function again.
    """
    request = Request.from_event(event, context)
    log.info("%s %s (%s)", request.kind, request.logical_id, request.request_id)
    answer = _Answer(request, f"See the log stream {context.log_stream_name}.")
    watchdog = threading.Timer(max(request.deadline - time.monotonic(), 0.0), answer.out_of_time)
    watchdog.daemon = True
    watchdog.start()
    try:
        physical_id, reason = _done(work, request)
        if reason:
            answer.failed(reason)
        else:
            answer.succeeded(physical_id)
    finally:
        watchdog.cancel()
        watchdog.join()  # when it is just answering: Lambda freezes the process as soon as this returns


def _done(work: Work, request: Request) -> tuple[str, str]:
    """Do the work; return its physical id, and why it failed when it did."""
    try:
        return work(request), ""
    except Refused as refusal:
        log.warning("Refused: %s", refusal)
        return "", str(refusal)
    except Exception as error:  # noqa: BLE001 - without an answer the stack waits for its whole timeout
        # Not the error's text: a driver may quote the statement, and the statement a password.
        log.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
        return "", f"The function ended with {type(error).__name__}."


class _Answer:
    """The one answer to a request; the first to be given counts."""

    def __init__(self, request: Request, where: str) -> None:
        self._request = request
        self._where = where
        self._given = threading.Lock()

    def succeeded(self, physical_id: str) -> None:
        self._give("SUCCESS", physical_id, "")

    def failed(self, reason: str) -> None:
        self._give("FAILED", "", f"{reason[:_LONGEST_REASON]} {self._where}")

    def out_of_time(self) -> None:
        self.failed("The function ran out of time.")

    def _give(self, status: str, physical_id: str, reason: str) -> None:
        if not self._given.acquire(blocking=False):
            return
        request = self._request
        body = {
            "Status": status,
            "Reason": reason,
            "StackId": request.stack_id,
            "RequestId": request.request_id,
            "LogicalResourceId": request.logical_id,
            # A failed Create has made nothing to speak of; CloudFormation still wants an id.
            "PhysicalResourceId": physical_id or request.physical_id or request.logical_id,
        }
        _put(request.response_url, json.dumps(body).encode())
        log.info("Answered %s", status)


def _put(url: str, body: bytes) -> None:
    """Send the answer. Raises URLError after the last attempt."""
    # The address is signed for a request without a content type; urllib would add one.
    message = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310 - CloudFormation's own
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(message, timeout=_SEND_SECONDS):  # noqa: S310
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            log.warning("Attempt %d to answer: %s", attempt, type(error).__name__)
            if attempt == _ATTEMPTS:
                raise
            time.sleep(0.2 * 2**attempt)
