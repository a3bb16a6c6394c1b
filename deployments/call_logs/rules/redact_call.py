"""A call to AWS without secrets, and with placeholders for what identifies its owner: the AWS call log.

Everything is removed before anything is written. What is not understood is withheld as a whole: a body that
is neither JSON nor plain XML, the contents of objects, logs and outputs of programs, values of parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from deployments.call_logs.rules.fields import (
    CHOSEN_NAMES,
    CHOSEN_NAMES_BY_SERVICE,
    CLEAR_BELOW,
    MASKED_BELOW,
    PAIR_NAMES,
    PAIR_VALUES,
    PUBLIC_TAGS,
    TAGS,
    WITHHELD,
    WITHHELD_BY_SERVICE,
)
from deployments.call_logs.rules.placeholders import Placeholders
from deployments.call_logs.rules.secret_texts import without_credentials
from deployments.call_logs.rules.xml_texts import Element, NotPlain, parsed
from deployments.common.rules.log_redaction import MARK, is_secret
from deployments.common.rules.redaction import Redactor

MAX_BODY = 400_000
"""Bytes of a body; larger ones are withheld. CloudFormation's largest page of events has about 200 KB."""
MAX_TEXT, CACHED = 20_000, 6_000
"""Characters of a text; larger ones are removed. Number of texts that are cached for the next answers."""
MAX_DEPTH = 60
HEADERS = frozenset(
    (
        *("content-type", "content-length", "date", "retry-after", "server", "transfer-encoding"),
        *("x-amzn-requestid", "x-amz-request-id", "x-amz-id-2", "x-amzn-errortype", "x-amz-bucket-region"),
    )
)
"""The headers of an answer that are kept. Those of requests, which are signed, are never collected."""
_REQUEST_IDS = frozenset({"requestid", "requestids"})
_UUID = re.compile(r"[0-9A-Za-z-]{8,64}")
_FIELD = re.compile(r"[A-Za-z]{1,40}")
"""The form of the names of AWS's fields; other keys are data."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")
_PLAIN = re.compile(r"[^a-z0-9]")


@dataclass(slots=True)
class CallRedactor:
    """Redact the calls of one log. `secrets` removes the known NoEcho values."""

    placeholders: Placeholders
    secrets: Redactor
    _cache: dict[tuple[str, tuple[object, ...]], str] = field(default_factory=dict)

    def text(self, text: str) -> str:
        """Return a text without secrets, with placeholders."""
        if len(text) > MAX_TEXT:
            return f"{MARK} ({len(text)} characters)"
        return self.placeholders.text(self.without_secrets(text))

    def without_secrets(self, text: str) -> str:
        """Return a text without known values and what looks like a credential."""
        return without_credentials(self.secrets(text))

    def cached(self, text: str, around: tuple[object, ...], compute: Callable[[], str]) -> str:
        """Return what was computed for a text before; answers to polls have most of their texts in common."""
        key = (text, around)
        if key not in self._cache:
            if len(self._cache) >= CACHED:
                self._cache.clear()
            self._cache[key] = compute()
        return self._cache[key]

    def learn(self, name: str) -> None:
        """Recognize a name within all texts from now on."""
        for new in self.placeholders.learn([name]):
            for key in [key for key in self._cache if new in key[0]]:
                del self._cache[key]

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers that are kept, without secrets."""
        kept = {name.lower(): value for name, value in headers.items() if name.lower() in HEADERS}
        return {name: self._header(name, value) for name, value in kept.items()}

    def _header(self, name: str, value: str) -> str:
        if "request" in name and _UUID.fullmatch(value):
            return value  # AWS's support asks for it
        return self.text(value) if name != "x-amz-id-2" else MARK

    def parameters(self, service: str, parameters: Any) -> Any:
        """Return the parameters of a call, or a part of them, as values for JSON."""
        walk = _Redaction(self, service)
        walk.learn(parameters)
        return walk.value(parameters, ())

    def body(self, service: str, body: bytes) -> str:
        """Return the body of an answer, or a note of what is withheld."""
        if not body.strip():
            return ""
        if len(body) > MAX_BODY:
            return withheld(len(body))
        try:
            text = body.decode("utf-8")
            if text.lstrip().startswith("<"):
                return self._xml(service, text)
            found = json.loads(text)
            if not isinstance(found, dict | list):
                return withheld(len(body))
            walk = _Redaction(self, service)
            walk.learn(found)
            return json.dumps(walk.value(found, ()), ensure_ascii=False, separators=(",", ":"))
        except (ValueError, RecursionError, NotPlain):
            return withheld(len(body))

    def _xml(self, service: str, text: str) -> str:
        walk, document = _Redaction(self, service), parsed(text)
        if any(self.secrets(name) != name for name in {one.name for one in document.elements}):
            raise NotPlain
        for element in document.elements:
            walk.learn_name(_plain(element.named.name), element.text)
        return document.replaced(lambda element: _of_element(walk, element))


def withheld(size: int) -> str:
    """Return the note about a body that is not kept."""
    return f"[{size} bytes withheld]"


def _plain(key: str) -> str:
    return _PLAIN.sub("", key.lower())


def _is(key: str, names: frozenset[str]) -> bool:
    return key in names or key.removesuffix("s") in names


def _is_secret(key: str) -> bool:
    """Return whether a name names a secret. Parameters are masked below, with their names."""
    return key not in MASKED_BELOW and key not in CLEAR_BELOW and is_secret(key)


@dataclass(slots=True)
class _Redaction:
    """The decision for each value of one call, by the names around it."""

    redact: CallRedactor
    service: str

    def value(self, value: Any, path: tuple[str, ...], pair: str = "", *, masked: bool = False) -> Any:
        """Return a value for JSON. `path` has the plain names around it; `pair` the name beside it."""
        if len(path) > MAX_DEPTH:
            return MARK
        if isinstance(value, Mapping):
            return self._mapping(value, path, masked=masked)
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(one, path, pair, masked=masked) for one in value]
        if isinstance(value, str):
            return self.leaf(value, path, pair, masked=masked)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._number(value, path, pair, masked=masked)
        if isinstance(value, bytes | bytearray):
            return withheld(len(value))
        return value.isoformat() if isinstance(value, date) else f"[{type(value).__name__}]"

    def _mapping(self, value: Mapping[Any, Any], path: tuple[str, ...], *, masked: bool) -> dict[str, Any]:
        beside = _pair_name({_plain(str(key)): one for key, one in value.items()})
        written: dict[str, Any] = {}
        for key, one in value.items():
            name = _plain(str(key))
            pair = beside if name in PAIR_VALUES else ""
            below = masked or name in MASKED_BELOW
            written[self._key(str(key))] = self.value(one, (*path, name), pair, masked=below)
        return written

    def _key(self, key: str) -> str:
        """Return the key of a mapping, which may be data: the name of a parameter or of a tag."""
        return self.redact.secrets(key) if _FIELD.fullmatch(key) else self.redact.text(key)

    def _number(self, value: float, path: tuple[str, ...], pair: str, *, masked: bool) -> Any:
        if masked or self._masks(path, pair):
            return 0
        if isinstance(value, int) and 10**11 <= value < 10**12:
            return int(self.redact.placeholders.account(str(value)))
        return value

    def leaf(self, text: str, path: tuple[str, ...], pair: str = "", *, masked: bool = False) -> str:
        """Return the text of one value, redacted by the names around it."""
        around = (self.service, path, pair, masked)
        return self.redact.cached(text, around, lambda: self._leaf(text, path, pair, masked=masked))

    def _leaf(self, text: str, path: tuple[str, ...], pair: str, *, masked: bool) -> str:
        key = path[-1] if path else ""
        if _is(key, _REQUEST_IDS) and _UUID.fullmatch(text) and self.redact.secrets(text) == text:
            return text
        if (masked and key not in CLEAR_BELOW) or self._masks(path, pair):
            return _masked(text)
        inner = self._json_within(text, path)
        if inner is not None:
            return inner
        return self._named(text, path, pair)

    def _named(self, text: str, path: tuple[str, ...], pair: str) -> str:
        key = path[-1] if path else ""
        is_tag = key in PAIR_VALUES and any(one in TAGS for one in path) and pair not in PUBLIC_TAGS
        is_plain = len(text) <= MAX_TEXT and self.redact.without_secrets(text) == text
        if is_plain and (is_tag or self.is_name(key)):
            return self.redact.placeholders.value(text)
        return self.redact.text(text)

    def is_name(self, key: str) -> bool:
        """Return whether the values of a field are names that somebody chose."""
        return _is(key, CHOSEN_NAMES) or _is(key, CHOSEN_NAMES_BY_SERVICE.get(self.service, frozenset()))

    def learn(self, value: Any, key: str = "") -> None:
        """Recognize the names that are values of fields within all texts."""
        if isinstance(value, Mapping):
            for name, one in value.items():
                self.learn(one, _plain(str(name)))
        elif isinstance(value, list | tuple):
            for one in value:
                self.learn(one, key)
        elif isinstance(value, str):
            self.learn_name(key, value)

    def learn_name(self, key: str, text: str) -> None:
        """Recognize the value of a field within all texts if it is a name."""
        if self.is_name(key) and len(text) <= 255 and not text.isdigit():
            self.redact.learn(text)

    def _masks(self, path: tuple[str, ...], pair: str) -> bool:
        withheld_here = WITHHELD | WITHHELD_BY_SERVICE.get(self.service, frozenset())
        return any(one in withheld_here or _is_secret(one) for one in path) or bool(pair and is_secret(pair))

    def _json_within(self, text: str, path: tuple[str, ...]) -> str | None:
        """Return JSON that is a value, such as an event of CloudTrail, redacted as the call is; or None."""
        if not text.lstrip().startswith(("{", "[")) or len(text) > MAX_TEXT * 10:
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        self.learn(found)
        return json.dumps(self.value(found, path), ensure_ascii=False, separators=(",", ":"))


def _masked(text: str) -> str:
    """Return what is left of a value that is removed: what parsers need of times, numbers and booleans."""
    if text in ("", "true", "false") or _TIME.fullmatch(text):
        return text
    return "0" if text.isdecimal() else MARK


def _pair_name(values: Mapping[str, Any]) -> str:
    """Return the name in a pair of name and value, "" if it is none."""
    for name in PAIR_NAMES:
        if isinstance(found := values.get(name), str):
            return found
    return ""


def _of_element(walk: _Redaction, element: Element) -> str:
    named = element.named
    path = tuple(_plain(one.name) for one in (named, *named.around()))[::-1]
    pair = ""
    if path[-1] in PAIR_VALUES and named.parent is not None:
        pair = _pair_name({_plain(one.name): one.text for one in named.parent.children})
    return walk.leaf(element.text, path, pair, masked=any(one in MASKED_BELOW for one in path))
