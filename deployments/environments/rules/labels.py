"""Labels of environments in text form: one key=value on each line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code

MAX_LABELS: Final = 20
MAX_KEY, MAX_VALUE = 40, 60
_KEY = re.compile(rf"[a-z0-9._/-]{{1,{MAX_KEY}}}")


def parse_labels(text: str) -> dict[str, str]:
    """Return the labels of a text with one key=value on each line, without empty lines.

    Raise UserFixable about the field `labels` for the first line that is not valid.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        key, equals, value = line.partition("=")
        key = key.strip()
        if not equals:
            raise UserFixable("LabelInvalid", Code.LABEL_INVALID, "labels", label=line.strip()[:MAX_VALUE])
        if key in found:
            raise UserFixable("LabelTwice", Code.LABEL_TWICE, "labels", key=key)
        found[key] = value
    return checked_labels(found)


def checked_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return labels with their values in one Unicode form (NFC) and without spaces around them.

    Raise UserFixable about the field `labels` if one is not valid, or if there are too many.
    """
    if len(labels) > MAX_LABELS:
        raise UserFixable("TooManyLabels", Code.LABELS_TOO_MANY, "labels", count=MAX_LABELS)
    return {key: _checked(key, value) for key, value in labels.items()}


def _checked(key: str, value: str) -> str:
    if not _KEY.fullmatch(key):
        raise UserFixable("LabelKeyInvalid", Code.LABEL_KEY_INVALID, "labels", key=key[:MAX_KEY])
    normal = unicodedata.normalize("NFC", value.strip())
    if not normal.isprintable() or not 0 < len(normal) <= MAX_VALUE:
        raise UserFixable("LabelValueInvalid", Code.LABEL_VALUE_INVALID, "labels", key=key, count=MAX_VALUE)
    return normal


def labels_text(labels: Mapping[str, str]) -> str:
    """Return labels in text form: one key=value on each line, sorted by key."""
    return "\n".join(f"{key}={value}" for key, value in sorted(labels.items()))
