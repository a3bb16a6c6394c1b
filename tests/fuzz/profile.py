"""The number of examples of the fuzzers: the same few in every `make test`, thousands in `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))


def fuzzed(examples: int) -> settings:
    """Return the settings of a test that tries this number of examples, or the number that `make fuzz` sets.

    There is no deadline, and examples are not random in `make test`, so that no test fails by chance.
    """
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
