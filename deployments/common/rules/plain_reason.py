"""A reason of AWS without ids and boilerplate."""

from __future__ import annotations

import re

_HANDLER = re.compile(
    r'^Resource handler returned message: "(?P<message>.*?)"?\s*'
    r"(?:\((?:RequestToken|HandlerErrorCode).*)?$",
    re.DOTALL,
)

_TRAILER = re.compile(r"\s*\((?:Service: |RequestToken: |HandlerErrorCode: ).*$", re.DOTALL)


def unwrapped(reason: str) -> str:
    """Return AWS's reason without the wrapping of CloudFormation's resource handlers."""
    handler = _HANDLER.match(reason)
    return handler["message"].strip() if handler else reason


def plain_reason(reason: str) -> str:
    """Return AWS's reason without the wrapping of its resource handlers and without request ids."""
    return _TRAILER.sub("", unwrapped(reason)).strip()
