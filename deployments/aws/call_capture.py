"""Calls to AWS with their raw answers, which the AWS call log collects.

The handlers are attached to every session, and do nothing outside `collecting`. What they collect is raw,
secrets included, and must be redacted before it is stored (`deployments/call_logs/rules/redact_call.py`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MAX_CALLS = 200
"""Calls of one step that are collected; a step makes a few dozen."""
_CALL = "sanso-call-log"


@dataclass(slots=True, kw_only=True)
class RawCall:
    """One call as botocore sent it and AWS answered it.

    `status` is 0 without an answer; `error` is then the name of botocore's exception, else AWS's code.
    `body` is None for a stream, which its reader has not read yet.
    """

    service: str
    operation: str
    at: datetime
    parameters: Any
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    seconds: float = 0.0
    error: str = ""


@dataclass(slots=True)
class CollectedCalls:
    """The calls of one step, in their order; `left_out` are those beyond the limit."""

    calls: list[RawCall] = field(default_factory=list)
    left_out: int = 0
    sent_at: float = 0.0

    def add(self, call: RawCall) -> None:
        """Add a call that has ended."""
        if len(self.calls) < MAX_CALLS:
            self.calls.append(call)
        else:
            self.left_out += 1


_collected: ContextVar[CollectedCalls | None] = ContextVar("collected_calls", default=None)


@contextmanager
def collecting() -> Iterator[CollectedCalls]:
    """Collect the calls inside the block, in this thread."""
    found = CollectedCalls()
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def attach(events: Any) -> None:
    """Collect the calls of the clients that are created with these botocore events.

    https://docs.aws.amazon.com/boto3/latest/guide/events.html
    """
    events.register("provide-client-params", _on_parameters, unique_id="sanso-call-log-parameters")
    events.register("before-send", _on_send, unique_id="sanso-call-log-send")
    events.register("response-received", _on_response, unique_id="sanso-call-log-response")


def _on_parameters(params: Any, model: Any, context: dict[str, Any], **_rest: Any) -> None:
    if _collected.get() is not None:
        context[_CALL] = model.service_model.endpoint_prefix, model.name, params


def _on_send(**_rest: Any) -> None:
    collected = _collected.get()
    if collected is not None:
        collected.sent_at = time.monotonic()


def _on_response(
    response_dict: dict[str, Any] | None,
    parsed_response: Any,
    context: dict[str, Any],
    exception: Any,
    **_rest: Any,
) -> None:
    collected = _collected.get()
    if collected is None or _CALL not in context:
        return
    service, operation, parameters = context[_CALL]
    call = RawCall(service=service, operation=operation, at=datetime.now(UTC), parameters=parameters)
    call.seconds = round(time.monotonic() - collected.sent_at, 3) if collected.sent_at else 0.0
    if response_dict is None:
        call.error = type(exception).__name__
    else:
        call.status = response_dict["status_code"]
        call.headers = {str(name): str(value) for name, value in response_dict["headers"].items()}
        body = response_dict["body"]
        call.body = body if isinstance(body, bytes) else None
        if call.status >= 300 and isinstance(parsed_response, dict):
            call.error = str(parsed_response.get("Error", {}).get("Code", ""))
    collected.add(call)
