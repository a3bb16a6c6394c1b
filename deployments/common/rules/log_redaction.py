"""Remove secrets from logs: values by their key at any depth, and credentials within texts.

NoEcho values in AWS's responses were removed before (deployments/aws/redacted.py). Parameters are removed
completely, since any of them may be a NoEcho parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MARK = "****"
MAX_DEPTH = 8
"""Deeper values are removed: nothing useful in a log is nested that deeply."""
_WORDS = (
    *("password", "passwd", "passphrase", "secret", "token", "authorization", "cookie", "credential"),
    *("externalid", "apikey", "accesskey", "privatekey", "signature", "sessionid", "parameters", "noecho"),
)
_KEY = re.compile("|".join(_WORDS), re.IGNORECASE)
_SEPARATORS = re.compile(r"[^a-z0-9]", re.IGNORECASE)
# "Bearer x", "https://user:password@host", "name=value" and "'name': 'value'" with the name of a secret. The
# repetitions are bounded, so that the time is linear in the length of a text.
_NAME = (
    r"[\w.-]{0,40}(?:pass(?:word|wd|phrase)|secret|token|authorization|cookie|credential|external.?id|"
    r"api.?key|private.?key|signature|sessionid)[\w.-]{0,40}"
)
_QUOTED = r"'[^']*'|\"[^\"]*\""
_IN_TEXT = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"\b(Bearer|Basic)\s+[\w.~+/=-]+", rf"\1 {MARK}"),
        (r"(://)[^/\s@'\"]{1,500}@", rf"\1{MARK}@"),
        (rf"(['\"]{_NAME}['\"]\s{{0,5}}:\s{{0,5}})(?:{_QUOTED}|[^\s,}}]+)", rf'\1"{MARK}"'),
        (rf"\b({_NAME}=)(?:{_QUOTED}|[^\s&,;)]+)", rf"\1{MARK}"),
    )
)

_HINTS = (
    *("password", "passwd", "passphrase", "secret", "token", "authorization", "cookie", "credential"),
    *("external", "api", "private", "signature", "sessionid", "bearer", "basic", "://"),
)
"""One of these is in every text that _IN_TEXT changes: a search for them takes a fraction of the time."""


def is_secret(key: object) -> bool:
    """Return whether a key names a secret, in any spelling: `api_key`, `ApiKey`, `X-Api-Key`."""
    return isinstance(key, str) and bool(_KEY.search(_SEPARATORS.sub("", key)))


def may_have(text: str, hints: tuple[str, ...]) -> bool:
    """Return whether a text has one of some lower-case words in any case.

    For patterns that ignore case, every text beyond ASCII may: "ſ" is an "s" to them.
    """
    lowered = text.lower()
    return not text.isascii() or any(hint in lowered for hint in hints)


def redact_text(text: str) -> str:
    """Return a text without its credentials."""
    if not may_have(text, _HINTS):
        return text
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any, depth: int = 0) -> Any:
    """Return a value without the values whose keys name secrets, at any depth."""
    if isinstance(value, str):
        return redact_text(value)
    if depth >= MAX_DEPTH:
        return value if value is None or isinstance(value, bool | int | float) else MARK
    if isinstance(value, Mapping):
        return {key: MARK if is_secret(key) else redact(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [redact(item, depth + 1) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return value
