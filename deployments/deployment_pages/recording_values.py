"""Values of a recording with their positions: read with the type of a column, or rejected."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.dateparse import parse_datetime

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code

MAX_ROWS = 200_000
MAX_TEXT = 200_000
MAX_DEPTH = 8
MAX_INTEGER = 2**31 - 1
"""The maximum of the smallest integer column in MySQL and MariaDB."""
MAX_NUMBER = 2**63 - 1
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
"""Characters that MySQL or UTF-8 does not allow."""


@dataclass(frozen=True, slots=True)
class RecordingValue:
    """A value of the file and its position. Methods raise UserFixable with the position."""

    value: Any
    place: str

    def wrong(self) -> UserFixable:
        """Return the error that this value is missing or invalid."""
        return UserFixable("RecordingInvalid", Code.RECORDING_VALUE_INVALID, place=self.place or "JSON")

    def get(self, key: str) -> RecordingValue:
        """Return the value below a key of this object."""
        return RecordingValue(self.mapping().get(key), f"{self.place}.{key}".lstrip("."))

    def mapping(self) -> Mapping[str, Any]:
        """Return this object."""
        if not isinstance(self.value, dict):
            raise self.wrong()
        return self.value

    def list(self) -> list[RecordingValue]:
        """Return the items of this list."""
        if not isinstance(self.value, list) or len(self.value) > MAX_ROWS:
            raise self.wrong()
        return [RecordingValue(item, f"{self.place}[{number}]") for number, item in enumerate(self.value)]

    def columns(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the fields; in an older file, those with a default may be missing."""
        given = self.mapping()
        return {
            name: field.get_default()
            if name not in given and _has_default(field)
            else self.get(name).of(field)
            for name, field in fields.items()
        }

    def of(self, field: Any) -> Any:
        """Return this value for the field's column."""
        if self.value is None and field.null:
            return None
        if isinstance(field, models.JSONField):
            return self.json(field.name)
        if isinstance(field, models.DateTimeField):
            return self.time()
        if isinstance(field, models.CharField | models.TextField):
            return self.text(field)
        return self.number(field)

    def text(self, field: Any) -> str:
        """Return this text: not too long, with allowed characters, one of the field's choices."""
        value = self.value
        is_text = isinstance(value, str) and len(value) <= (field.max_length or MAX_TEXT)
        if not is_text or _NOT_TEXT.search(value) or (field.choices and value not in dict(field.flatchoices)):
            raise self.wrong()
        return str(value)

    def number(self, field: Any) -> float:
        """Return this number: finite, in the column's range, an integer unless the column is a float."""
        is_whole = isinstance(self.value, int) and not isinstance(self.value, bool)
        is_real = isinstance(self.value, float) and math.isfinite(self.value)
        if not is_whole and not (is_real and isinstance(field, models.FloatField)):
            raise self.wrong()
        try:
            field.run_validators(self.value)
        except ValidationError as exc:
            raise self.wrong() from exc
        # SQLite's columns allow more than MySQL's: a recording must open on both or on neither.
        limit = MAX_INTEGER if isinstance(field, models.PositiveIntegerField) else MAX_NUMBER
        if abs(self.value) > limit:
            raise self.wrong()
        return float(self.value) if is_real else int(self.value)

    def time(self) -> datetime:
        """Return this time, which is written with its offset from UTC."""
        try:
            time = parse_datetime(self.value) if isinstance(self.value, str) else None
        except ValueError:
            time = None
        if time is None or time.tzinfo is None or not EARLIEST <= time < LATEST:
            raise self.wrong()
        return time

    def json(self, name: str) -> Any:
        """Return this value of a JSON column; each column has its own format."""
        if not _FORMATS[name](self.value) or not _is_plain(self.value):
            raise self.wrong()
        return self.value


def _has_default(field: Any) -> bool:
    return bool(field.null or field.has_default())


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Return whether databases and pages can process a JSON value: finite, not deep, valid characters."""
    if isinstance(value, str):
        return not _NOT_TEXT.search(value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) <= MAX_NUMBER
    if depth > MAX_DEPTH:
        return False
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item, depth + 1) for key, item in value.items())
    return all(_is_plain(item, depth + 1) for item in value or ())


def _are(value: Any, is_one: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(is_one, value))


def _is_change(value: Any) -> bool:
    """Return whether a value is [epoch ms, status]."""
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], str):
        return False
    at = value[0]
    return isinstance(at, int) and EARLIEST.timestamp() * 1000 <= at < LATEST.timestamp() * 1000


def _is_edge(value: Any) -> bool:
    """Return whether a value is [path, kind of reference]."""
    return _are(value, lambda part: isinstance(part, str)) and len(value) == 2


def _is_usual(value: Any) -> bool:
    """Return whether a value is [seconds, low, high, runs, source]."""
    if not isinstance(value, list) or len(value) != 5 or not isinstance(value[4], str):
        return False
    return all(isinstance(number, int | float) and 0 <= number < 10**9 for number in value[:4])


def _is_text_mapping(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _is_message(value: Any) -> bool:
    """Return whether a value is a stored message (stored_messages)."""
    if not isinstance(value, dict):
        return False
    texts = [value.get(name, "") for name in ("code", "request_id")]
    return all(isinstance(one, str) for one in texts) and isinstance(value.get("params") or {}, dict)


def _are_event_values(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    messages = (value.get(name) for name in ("sentence", "message"))
    return all(one is None or isinstance(one, str) or _is_message(one) for one in messages)


_FORMATS: Mapping[str, Callable[[Any], bool]] = {
    "parameters": _is_text_mapping,
    "outputs": _is_text_mapping,
    "changes": lambda value: _are(value, _is_change),
    "depends_on": lambda value: _are(value, _is_edge),
    "error_sentence": _is_message,
    "problem": _is_message,
    "values": _are_event_values,
    "usual": lambda value: isinstance(value, dict) and all(map(_is_usual, value.values())),
}
