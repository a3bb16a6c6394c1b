"""Compares responses with botocore's shapes in tests: an invalid one becomes an error that names the member.

Only with SANSO_SANDBOX_RESPONSES=check. Each invalid response is also a line of the file invalid-responses in
the sandbox's folder: the tests fail for it even if the client of the call ignores the error.
"""

import logging
import os
import uuid
from pathlib import Path
from typing import Final

from sanso_sandbox.server import response_shapes
from sanso_sandbox.server.call_log import Call
from sanso_sandbox.server.fault_middleware import CALL, Application, Message, Receive, Scope, Send, error

FILE: Final = "invalid-responses"
CODE: Final = "InvalidResponse"
STATUS: Final = 501  # which no SDK sends again

logger = logging.getLogger(__name__)


def checked(application: Application, folder: Path) -> Application:
    """Return an application with checked responses, the same one if they are not to be checked."""
    if os.environ.get("SANSO_SANDBOX_RESPONSES") != "check":
        return application
    return CheckedResponses(application, folder / FILE)


class CheckedResponses:
    """The application behind the check of its responses."""

    def __init__(self, application: Application, report: Path) -> None:
        self.application, self.report = application, report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, and its response if it has the operation's shape."""
        call: Call | None = scope.get(CALL)
        if (
            call is None
            or scope["method"] == "HEAD"
            or not response_shapes.is_checked(call.service, call.action)
        ):
            await self.application(scope, receive, send)
            return
        answered: list[Message] = []

        async def keep(message: Message) -> None:
            answered.append(message)

        await self.application(scope, receive, keep)
        if found := _problems(call, answered):
            text = f"{call.service} {call.action}: {'; '.join(found)}"
            logger.error("The response does not match botocore's shape. %s", text)
            with self.report.open("a") as file:
                file.write(f"{text}\n")
            await _send_error(call, text, send)
            return
        for message in answered:
            await send(message)


def _problems(call: Call, answered: list[Message]) -> list[str]:
    start, *parts = answered or [{"type": ""}]
    if start["type"] != "http.response.start" or not 200 <= start["status"] < 300:
        return []
    headers = {
        bytes(name).lower(): bytes(value).decode("latin-1") for name, value in start.get("headers", ())
    }
    body = b"".join(part.get("body", b"") for part in parts)
    return response_shapes.problems(call.service, call.action, headers.get(b"content-type", ""), body)


async def _send_error(call: Call, text: str, send: Send) -> None:
    content_type, body = error(call.protocol, CODE, STATUS, f"The sandbox's response is not AWS's. {text}")
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-errortype", CODE.encode()),
        (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
    ]
    await send({"type": "http.response.start", "status": STATUS, "headers": headers})
    await send({"type": "http.response.body", "body": body})
