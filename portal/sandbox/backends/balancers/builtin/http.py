"""A listener of an application load balancer: each request goes to one target, with X-Forwarded headers.

One request a connection: both sides are told to close, so that bodies need not be understood.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
"""

import asyncio
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

from portal.sandbox.backends.balancers import error_pages, redirects, rules
from portal.sandbox.backends.balancers.builtin import streams
from portal.sandbox.backends.balancers.builtin.choice import Choice
from portal.sandbox.services.elbv2.forwarding import Listener

HEAD = 60.0  # seconds that a client may take for its request's head
HOP_BY_HOP = (b"connection", b"keep-alive", b"proxy-connection", b"upgrade", b"http2-settings", b"te")
LINE = re.compile(rb"(?P<method>[!#$%&'*+.^_`|~0-9A-Za-z-]+) (?P<target>\S+) HTTP/1\.[01]")

Headers = list[tuple[bytes, bytes]]


class BadRequest(Exception):
    """The client's request is not HTTP."""


async def serve(choice: Choice, client: streams.Streams) -> None:
    """Answer one request of a client."""
    reader, writer = client
    try:
        line, headers = await _head(reader)
        request = LINE.fullmatch(line)
        if request is None:
            raise BadRequest
    except (BadRequest, TimeoutError, asyncio.LimitOverrunError):
        writer.write(error_pages.answer(400))
        return
    except asyncio.IncompleteReadError:
        return
    action = choice.action(_seen(request, headers, writer))
    if action.get("Type") in ("redirect", "fixed-response"):
        writer.write(_act(choice.listener, action, request["target"], headers))
        return
    targets = choice.targets(action)
    target = await streams.connect(targets)
    if target is None:
        writer.write(error_pages.answer(502 if targets else 503))
        return
    try:
        await _exchange(client, target, line, _forwarded(choice.listener, headers, writer))
    finally:
        await streams.close(target[1])


async def _exchange(client: streams.Streams, target: streams.Streams, line: bytes, headers: Headers) -> None:
    """Send the request, its body as it comes, and pass the answer back; 502 when there is no sense in it."""
    reader, writer = client
    target[1].write(_spelled(line, headers))
    body = asyncio.create_task(streams.pump(reader, _Endless(target[1])))
    try:
        answer, answered = await _head(target[0])
    except (BadRequest, TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        writer.write(error_pages.answer(502))
    else:
        writer.write(_spelled(answer, answered))
        await streams.pump(target[0], writer)
    finally:
        body.cancel()


class _Endless(asyncio.StreamWriter):
    """A target's writer whose direction stays open when the client has sent everything."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer.transport, writer.transport.get_protocol(), None, asyncio.get_running_loop())

    def can_write_eof(self) -> bool:
        """Say no: a server may take the end for the client's leaving."""
        return False


async def _head(reader: asyncio.StreamReader) -> tuple[bytes, Headers]:
    async with asyncio.timeout(HEAD):
        text = await reader.readuntil(b"\r\n\r\n")
    line, *rest = text[:-4].split(b"\r\n")
    headers = []
    for one in rest:
        name, colon, value = one.partition(b":")
        if not colon or not name or name != name.strip():
            raise BadRequest
        headers.append((name, value.strip()))
    return line, headers


def _spelled(line: bytes, headers: Headers) -> bytes:
    kept = [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP]
    lines = [line, *(name + b": " + value for name, value in [*kept, (b"Connection", b"close")])]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _seen(request: "re.Match[bytes]", headers: Headers, writer: asyncio.StreamWriter) -> rules.Request:
    return rules.Request(
        method=request["method"].decode("latin-1"),
        path=urllib.parse.urlsplit(request["target"].decode("latin-1")).path,
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers},
        client=str(writer.get_extra_info("peername")[0]),
    )


def _forwarded(listener: Listener, headers: Headers, writer: asyncio.StreamWriter) -> Headers:
    """Append the client to X-Forwarded-For; say the protocol and the port that it used."""
    client = str(writer.get_extra_info("peername")[0])
    before = [value for name, value in headers if name.lower() == b"x-forwarded-for"]
    ours = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-port")
    return [
        *((name, value) for name, value in headers if name.lower() not in ours),
        (b"X-Forwarded-For", b", ".join([*before, client.encode()])),
        (b"X-Forwarded-Proto", listener.protocol.lower().encode()),
        (b"X-Forwarded-Port", str(listener.listed).encode()),
    ]


def _act(listener: Listener, action: Mapping[str, Any], target: bytes, headers: Headers) -> bytes:
    """Spell the answer of a redirect or a fixed response."""
    if action["Type"] == "fixed-response":
        fixed = action.get("FixedResponseConfig") or {}
        code, text = int(fixed.get("StatusCode") or 200), str(fixed.get("MessageBody") or "")
        return error_pages.answer(code, text=text or " ", kind=str(fixed.get("ContentType") or "text/plain"))
    host = next((value.decode("latin-1") for name, value in headers if name.lower() == b"host"), "")
    asked = urllib.parse.urlsplit(target.decode("latin-1"))
    values = {
        "protocol": listener.protocol.lower(),
        "host": host.partition(":")[0],
        "port": str(listener.port),
        "path": asked.path.lstrip("/"),
        "query": asked.query,
    }
    found = redirects.read(action.get("RedirectConfig") or {}, values, listener.address.port)
    location = found.location + (f"?{found.query}" if found.query else "")
    return error_pages.answer(found.code, f"Location: {location}")
