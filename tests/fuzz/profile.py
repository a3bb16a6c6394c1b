"""The number of examples of the fuzzers: a few in `make test`, more in its part, thousands in `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tests import parts

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
IN_PART = 5
"""How many times as many examples the part of `make test-all` tries."""


def more(examples: int) -> int:
    """Return the number of examples to try, where `make test` tries this one."""
    return examples * IN_PART if parts.IS_PART else examples


def fuzzed(examples: int) -> settings:
    """Return the settings of a test that tries this number of examples, or the number that `make fuzz` sets.

    There is no deadline, so that no test fails by chance, and failures are not kept: the run prints its seed
    (tests/parts.py).
    """
    return settings(
        max_examples=EXAMPLES or more(examples),
        derandomize=False,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
