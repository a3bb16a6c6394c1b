"""Whether the portal explains the failures that tests of the sandbox cause.

Its tests (`tests/conftest.py`) add a check here, so that one example of each failure serves both. Alone, the
sandbox's tests have nobody to ask.
"""

from __future__ import annotations

from collections.abc import Callable

checks: list[Callable[[str, str, str], None]] = []
"""Each takes the type of a resource, the reason of its failure, and the denied action or ""."""


def check(kind: str, reason: str, action: str = "") -> None:
    """Raise AssertionError if a reason is not explained."""
    for one in checks:
        one(kind, reason, action)
