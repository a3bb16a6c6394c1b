"""A position in the list of saved times, where a page ends: formatted for a link, and parsed. No SQL."""

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
    """The position of a row. `tie` distinguishes rows of the same time.

    It is the row's id if the table has ids. Without ids, equal rows are indistinguishable, also in the list:
    then it is the number of rows of that time up to the position.
    """

    time: str  # in MySQL's format
    tie: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the position of a link. Raises ValueError for any other text."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError("not a position in the list")
        time = f"{found['day']} {found['time']}"
        datetime.fromisoformat(time.ljust(26, "0") if "." in time else time)
        return cls(time, int(found["tie"]))

    def __str__(self) -> str:
        return f"{self.time.replace(' ', 'T')}~{self.tie}"
