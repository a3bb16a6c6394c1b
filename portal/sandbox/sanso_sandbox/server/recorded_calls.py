"""Records the calls of an account in CloudTrail's event history, with their callers and results."""

import json
import re
from typing import Any, Final
from urllib.parse import parse_qs

from sanso_sandbox.engine import trail
from sanso_sandbox.engine.registry import Scope as AccountScope
from sanso_sandbox.engine.trail import MAX_TEXT, TrailEvent
from sanso_sandbox.server import call_log
from sanso_sandbox.server.call_log import Call
from sanso_sandbox.server.callers import CALLER, Caller
from sanso_sandbox.server.fault_middleware import (
    Application,
    Message,
    Receive,
    Scope,
    Send,
    read_body,
    replay,
)

READS: Final = ("AssumeRole", "BatchGet", "Describe", "Get", "Head", "List", "Lookup", "Search")
# Data events, which CloudTrail's event history does not have, and reports of agents.
_LEFT_OUT: Final = re.compile(
    r"s3:\w*(Object|Multipart|Part)\w*|lambda:Invoke\w*|ssmmessages:\w+|ec2messages:\w+"
)
_CODE: Final = re.compile(rb"<Code>([^<]+)</Code>")
_TEXT: Final = re.compile(rb"<Message>([^<]*)</Message>")
# Domain names of services whose name in boto3 is another one.
_DOMAINS: Final = {
    "cloudwatch": "monitoring",
    "elbv2": "elasticloadbalancing",
    "resourcegroupstaggingapi": "tagging",
}


class RecordedCalls:
    """The application behind CloudTrail."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, and record its call unless it is a read that succeeds."""
        caller: Caller | None = scope.get(CALLER)
        if scope["type"] != "http" or caller is None:
            await self.application(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): part.decode("latin-1") for name, part in scope["headers"]}
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        body = await read_body(receive)
        call = call_log.identify(scope["method"], scope["path"], headers, query, body, caller)
        answer: dict[str, Any] = {"status": 200, "headers": {}, "body": b""}

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.update(status=message["status"], headers=dict(message.get("headers") or ()))
            elif answer["status"] >= 400 and len(answer["body"]) < MAX_TEXT:
                answer["body"] += message.get("body", b"")
            await send(message)

        await self.application(scope, replay(body, receive), watched)
        if call is None or _LEFT_OUT.fullmatch(f"{call.service}:{call.action}"):
            return
        code, text = _error(call, answer) if answer["status"] >= 400 else ("", "")
        is_read = call.action.startswith(READS)
        if code or not is_read:
            names = trail.names_in(_parameters(headers, query, body)) + _in_path(call, scope["path"])
            with AccountScope(call.account, call.region).entered():
                trail.record(
                    TrailEvent(
                        principal=caller.arn,
                        service=_DOMAINS.get(call.service, call.service),
                        action=call.action,
                        region=call.region,
                        account=call.account,
                        names=names,
                        code=code,
                        message=text,
                        agent=headers.get("user-agent", "")[:MAX_TEXT],
                        is_read=is_read,
                    )
                )


def _parameters(headers: dict[str, str], query: dict[str, list[str]], body: bytes) -> dict[str, Any]:
    if call_log.has_form(headers):
        return dict(parse_qs(body.decode("utf-8", "replace"))) | query
    try:
        found = json.loads(body) if body[:1] == b"{" else {}
    except ValueError:
        found = {}
    return found | query if isinstance(found, dict) else dict(query)


def _in_path(call: Call, path: str) -> tuple[str, ...]:
    """Return the bucket or function that the path of a REST call names."""
    parts = [part for part in path.split("/") if part]
    if call.service == "s3":
        return tuple(parts[:1])
    if call.service == "lambda" and "functions" in parts:
        return tuple(parts[parts.index("functions") + 1 :][:1])
    return ()


def _error(call: Call, answer: dict[str, Any]) -> tuple[str, str]:
    """Return the code and message of an error; EC2's codes have the prefix that CloudTrail gives them."""
    body: bytes = answer["body"]
    code, text = _CODE.search(body), _TEXT.search(body)
    if code:
        named = code[1].decode("utf-8", "replace")
        prefix = "Client." if call.service == "ec2" and answer["status"] < 500 else ""
        return prefix + named, (text[1].decode("utf-8", "replace") if text else "")[:MAX_TEXT]
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        found = {}
    kind = found.get("__type") or answer["headers"].get(b"x-amzn-errortype", b"").decode("latin-1")
    message = found.get("message") or found.get("Message") or ""
    return str(kind).rpartition("#")[2] or str(answer["status"]), str(message)[:MAX_TEXT]
