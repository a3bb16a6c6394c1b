"""The ASGI middleware in front of MiniStack, which logs every call and applies injected faults."""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final
from urllib.parse import parse_qs

from ministack.core.iam_evaluator import resolve_caller_identity
from ministack.core.responses import request_scope

from sanso_sandbox.engine import faults, rate_limits
from sanso_sandbox.engine.faults import ApiFault
from sanso_sandbox.server import call_log
from sanso_sandbox.server.call_log import Call
from sanso_sandbox.server.callers import CALLER

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

CALL: Final = "sanso.call"
"""The key of the identified call in an ASGI scope."""

logger = logging.getLogger(__name__)

# Error code, HTTP status and message by protocol.
THROTTLED: Final = {
    "query": ("Throttling", 400, "Rate exceeded"),
    "ec2": ("RequestLimitExceeded", 503, "Request limit exceeded."),
    "json": ("ThrottlingException", 400, "Rate exceeded"),
    "rest-json": ("TooManyRequestsException", 429, "Rate exceeded"),
    "rest-xml": ("SlowDown", 503, "Please reduce your request rate."),
}
DENIED: Final = {
    "query": ("AccessDenied", 403),
    "ec2": ("UnauthorizedOperation", 403),
    "json": ("AccessDeniedException", 400),
    "rest-json": ("AccessDeniedException", 403),
    "rest-xml": ("AccessDenied", 403),
}
FAILED: Final = {"rest-xml": "InternalError", "ec2": "InternalError"}
FAILED_MESSAGE: Final = "We encountered an internal error. Please try again."


@dataclass(slots=True)
class Held:
    """A request that is held until the control API releases or drops it."""

    call: Call
    when: str  # "before" or "after" it is carried out
    since: float = field(default_factory=time.time)
    decision: "asyncio.Future[str]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def as_dict(self, key: str) -> dict[str, Any]:
        """Return the request in the control API's format."""
        call = self.call
        return {
            "id": key,
            "service": call.service,
            "action": call.action,
            "account": call.account,
            "when": self.when,
            "since": self.since,
        }


held: dict[str, Held] = {}


class FaultMiddleware:
    """MiniStack's application behind the call log and the faults."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, or apply a fault to it."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): part.decode("latin-1") for name, part in scope["headers"]}
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        body = await read_body(receive) if call_log.has_form(headers) else None
        call = call_log.identify(
            scope["method"], scope["path"], headers, query, body or b"", scope.get(CALLER)
        )
        fault = None
        scope = {**scope, CALL: call}
        if call is not None:
            call_log.write(call)
            fault = faults.next_for(call.account, call.service, call.action)
            if fault is None and not rate_limits.take(call.account, call.region, call.service, call.action):
                fault = ApiFault(service=call.service, action=call.action, mode="throttle")
        if call is None or fault is None:
            await self.application(scope, receive if body is None else replay(body, receive), send)
            return
        if body is None:
            body = await read_body(receive)
        logger.info("%s of %s gets %s", call.action, call.service, fault.mode)
        await self._apply(fault, call, scope, replay(body, receive), send)

    async def _apply(self, fault: ApiFault, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.mode == "hold_before" and await _hold(call, "before") == "drop":
            await _break_off(send)
            return
        if fault.mode == "hold_before":
            await self.application(scope, receive, send)
            return
        if fault.mode in ("error_before", "throttle", "denied"):
            await _refuse(fault, call, send)
            return
        answered: list[Message] = []

        async def keep(message: Message) -> None:
            answered.append(message)

        await self.application(scope, receive, keep)
        if fault.mode == "error_after":
            await _refuse(fault, call, send)
        elif fault.mode == "timeout":
            await until_gone(receive)
        elif await _hold(call, "after") == "drop":
            await _break_off(send)
        else:
            for message in answered:
                await send(message)


async def read_body(receive: Receive) -> bytes:
    """Return the whole body of a request."""
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive function that repeats a body once; later messages of the client follow."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message


async def _hold(call: Call, when: str) -> str:
    key = str(uuid.uuid4())
    held[key] = Held(call, when)
    try:
        return await held[key].decision
    finally:
        held.pop(key, None)


async def until_gone(receive: Receive) -> None:
    """Wait until the client has ended the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Dropped(ConnectionError):
    """A response is cut off, which closes the connection."""


async def _break_off(send: Send) -> None:
    """Announce more bytes than are sent, so that the server closes the connection as in a network failure."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000000")]})
    await send({"type": "http.response.body", "body": b" ", "more_body": True})
    raise Dropped


async def _refuse(fault: ApiFault, call: Call, send: Send) -> None:
    if fault.mode == "throttle":
        code, status, message = THROTTLED[call.protocol]
    elif fault.mode == "denied":
        (code, status), message = DENIED[call.protocol], _denied(call)
    else:
        code, status, message = FAILED.get(call.protocol, "InternalFailure"), 500, FAILED_MESSAGE
    code, status, message = fault.code or code, fault.status or status, fault.message or message
    content_type, body = error(call.protocol, code, status, message)
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"x-amzn-errortype", code.encode()),
                (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


def error(protocol: str, code: str, status: int, message: str) -> tuple[str, bytes]:
    """Return the content type and body of an error in a protocol's format."""
    request_id = uuid.uuid4()
    text = escape(message)
    if protocol in ("json", "rest-json"):
        body = json.dumps({"__type": code, "message": message})
        return "application/x-amz-json-1.1" if protocol == "json" else "application/json", body.encode()
    if protocol == "rest-xml":
        body = (
            f"<Error><Code>{code}</Code><Message>{text}</Message><RequestId>{request_id}</RequestId></Error>"
        )
    elif protocol == "ec2":
        body = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{text}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    else:
        kind = "Sender" if status < 500 else "Receiver"
        body = (
            f"<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>{text}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return "text/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode()


def _denied(call: Call) -> str:
    """Return IAM's message for a missing permission, with the identity that GetCallerIdentity returns."""
    with request_scope(call.account, call.region):
        identity = resolve_caller_identity(call.access_key)
    who = identity["userArn"] if identity else f"arn:aws:iam::{call.account}:root"
    prefix = {"elbv2": "elasticloadbalancing"}.get(call.service, call.service)
    permission = f"{prefix}:{call.action}"
    return (
        f"User: {who} is not authorized to perform: {permission} on resource: * "
        f"because no identity-based policy allows the {permission} action"
    )
