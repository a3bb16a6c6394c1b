"""The number of examples of the fuzzers: a few in `make test`, thousands in `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))


def fuzzed(examples: int) -> settings:
    """Return the settings of a test that tries this number of examples, or the number that `make fuzz` sets.

    There is no deadline, so that no test fails by chance, and failures are not kept: the run prints its seed
    (tests/parts.py).
    """
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=False,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
