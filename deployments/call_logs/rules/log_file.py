"""The AWS call log as a file: a line of JSON about the log, then one for each call, oldest first."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from deployments.aws.call_capture import RawCall
from deployments.call_logs.rules.redact_call import CallRedactor, withheld

FORMAT = "sanso-aws-calls/1"
_REQUEST_ID = re.compile(rb"<requestId>[^<]*</requestId>|\"requestId\":\s?\"[^\"]*\"", re.IGNORECASE)


def header(*, source: str, **facts: Any) -> str:
    """Return the first line of a log. `source` is "aws", "sandbox" or "documentation".

    A log of the sandbox shows what the recorder writes, and proves nothing about AWS.
    """
    return line({"format": FORMAT, "source": source, **facts})


def line(values: Mapping[str, Any]) -> str:
    """Return one line of a log."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def entry(call: RawCall, redact: CallRedactor, *, with_body: bool = True) -> dict[str, Any]:
    """Return a call as a line of the log has it, without secrets and with placeholders."""
    values: dict[str, Any] = {
        "at": call.at.isoformat(timespec="milliseconds"),
        "service": call.service,
        "operation": call.operation,
        "parameters": redact.parameters(call.service, call.parameters),
        "status": call.status,
        "headers": redact.headers(call.headers),
        "seconds": call.seconds,
    }
    if call.error:
        values["error"] = redact.text(call.error[:100])
    if call.body is None:
        values["body"] = withheld(_length(call.headers)) if call.status else ""
    else:
        values["body"] = redact.body(call.service, call.body) if with_body else withheld(len(call.body))
    return values


def _length(headers: Mapping[str, str]) -> int:
    given = next((value for name, value in headers.items() if name.lower() == "content-length"), "")
    return int(given) if given.isdecimal() else 0


def question(call: RawCall) -> bytes:
    """Return a digest of what a call asks, by which a repeated poll is recognized."""
    return _digest(repr((call.service, call.operation, call.parameters)).encode("utf-8", "replace"))


def answer(call: RawCall) -> bytes:
    """Return a digest of what AWS answered, without the id of the request."""
    return _digest(b"%d %s" % (call.status, _REQUEST_ID.sub(b"", call.body or b"")))


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()
