"""The language and time zone that a page or update is rendered for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from django.http import HttpRequest
from django.utils import timezone, translation


@dataclass(frozen=True, slots=True)
class Locale:
    """The language and time zone of a page or update."""

    language: str
    zone: str

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Return the locale of the user who sent the request."""
        language = getattr(request, "LANGUAGE_CODE", translation.get_language() or "en")
        return cls(language, timezone.get_current_timezone_name())

    @contextmanager
    def active(self) -> Iterator[None]:
        """Activate the language and time zone within the context."""
        with translation.override(self.language), timezone.override(self.zone):
            yield
