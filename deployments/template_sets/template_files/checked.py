"""Values of a template file with their positions in it: read with the required type, or rejected."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A value and its position: the file's name, and its keys separated by dots.

    Every method raises UserFixable if the value does not have the required type. A missing or null value is
    an empty mapping, list or text, or None as a number.
    """

    file: str
    place: str
    value: Any

    def get(self, key: str) -> Checked:
        """Return the value of a key of this mapping."""
        place = f"{self.place}.{key}" if self.place else key
        return Checked(file=self.file, place=place, value=self._mapping().get(key))

    def items(self) -> Iterator[tuple[str, Checked]]:
        """Yield the keys of this mapping with their values."""
        for key in self._mapping():
            yield key, self.get(key)

    def list(self) -> list[Checked]:
        """Return the items of this list."""
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            raise self.broken(Code.NOT_A_LIST)
        return [
            Checked(file=self.file, place=f"{self.place}[{number}]", value=item)
            for number, item in enumerate(self.value)
        ]

    def text(self) -> str:
        """Return this value as CloudFormation interprets it: YAML's true is the text `true`."""
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if self.value is None or isinstance(self.value, str | int | float):
            return "" if self.value is None else str(self.value)
        raise self.broken(Code.NOT_A_STRING)

    def whole_number(self) -> int | None:
        """Return this value, which may be written as a text."""
        try:
            return None if self.value is None else int(self.text())
        except ValueError:
            raise self.broken(Code.NOT_AN_INTEGER) from None

    def number(self) -> float | None:
        """Return this value, which may be written as a text; never infinite."""
        try:
            found = None if self.value is None else float(self.text())
        except ValueError:
            found = math.nan
        if found is not None and not math.isfinite(found):
            raise self.broken(Code.NOT_A_NUMBER)
        return found

    def _mapping(self) -> dict[str, Any]:
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise self.broken(Code.NOT_A_MAPPING)
        return self.value

    def broken(self, code: Code, **params: object) -> UserFixable:
        """Return the error about this value."""
        return UserFixable("TemplateSetBroken", code, "", file=self.file, place=self.place, **params)
