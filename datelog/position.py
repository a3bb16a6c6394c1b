"""A place in the list of saved times: where a page ended, as text in a link and back again. No SQL."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Self

# 2022-11-06T03:01:47~15, the time with up to six decimals
_TEXT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)T(?P<time>\d\d:\d\d:\d\d(?:\.\d{1,6})?)~(?P<tie>\d{1,19})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Position:
    """One row's place. The tie tells rows of the same time apart.

    It is the row's id where the table has one. A table without can't tell equal rows apart, nor can a
    reader of the list: there it counts how many of them were already seen.
    """

    time: str  # as MySQL writes it
    tie: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a position from a link. Raises ValueError when it is none."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError("not a position in the list")
        time = f"{found['day']} {found['time']}"
        datetime.fromisoformat(time.ljust(26, "0") if "." in time else time)
        return cls(time, int(found["tie"]))

    def __str__(self) -> str:
        return f"{self.time.replace(' ', 'T')}~{self.tie}"
