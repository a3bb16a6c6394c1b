"""Counts the steps of a function, so that a test can bound its work without a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

Result = TypeVar("Result")


class TooManySteps(Exception):
    """Raised in a function that takes more steps than it may."""


def within_steps(most: int, run: Callable[[], Result]) -> Result:
    """Return the result of a function that calls at most so many functions, of Python and of C."""
    count = 0

    def counted(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")
        if count > most:
            raise TooManySteps(most)

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        return run()
    finally:
        sys.setprofile(before)
