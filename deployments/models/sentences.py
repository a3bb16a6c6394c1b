"""Sentences kept in rows as a template with values, put into the reader's language when they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext

from deployments.errors import UserFixable


def words(kept: Mapping[str, Any], otherwise: str = "") -> str:
    """Return the kept sentence in the active language; `otherwise` when none was kept."""
    template = str(kept.get("template") or "")
    if not template:
        return otherwise
    values = kept.get("values") or {}
    return gettext(template) % values if values else gettext(template)


def said_by(error: UserFixable) -> str:
    """Return what an error says, in the reader's language."""
    return words(error.sentence.as_json())
