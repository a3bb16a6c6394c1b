"""How long the fuzzers look: the same few examples in every `make test`, thousands in `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))


def fuzzed(examples: int) -> settings:
    """Return the settings of a test that tries so many examples, or as many as `make fuzz` says.

    Without a deadline, and derandomized in `make test`: a busy machine or bad luck fails no test.
    """
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
