"""Room for the frames of Python's functions, which would otherwise cost a sixth of the tests' CPU seconds.

Python keeps the frames of a thread in chunks of 16 KiB. A call that no longer fits gets a new chunk from the
operating system, which is returned when the call ends: a loop whose calls cross that border spends its time
on it. A chunk is at least as large as the frame that it is for, so one large frame makes room for all below.

https://github.com/python/cpython/issues/142183
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
SLOTS = 1 << 14
"""References that the large frame has room for: a chunk of 256 KiB, half of which is for other frames."""


def with_room(
    function: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Return what the function returns, for which frames of 128 KiB are in one chunk."""
    return function(*args, **kwargs)


with_room.__code__ = with_room.__code__.replace(co_stacksize=SLOTS)
