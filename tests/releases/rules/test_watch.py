"""The results that count as a regression while the first server is watched."""

from __future__ import annotations

import pytest

from deployments.common.message_codes import Code
from deployments.releases.rules import Reads, watch_problem

GOOD = Reads(total=40, failed=0, mean=80)


@pytest.mark.parametrize(
    ("before", "during", "code"),
    [
        (GOOD, GOOD, None),
        (GOOD, Reads(), None),
        (Reads(), GOOD, None),
        (GOOD, Reads(total=20, failed=2, mean=80), None),
        (GOOD, Reads(total=20, failed=3, mean=80), Code.RELEASE_WATCH_ERRORS),
        (Reads(total=20, failed=5, mean=80), Reads(total=20, failed=6, mean=80), None),
        (Reads(total=20, failed=2, mean=80), Reads(total=20, failed=10, mean=80), Code.RELEASE_WATCH_ERRORS),
        (GOOD, Reads(total=20, failed=20), Code.RELEASE_WATCH_ERRORS),
        (GOOD, Reads(total=20, mean=400), None),
        (GOOD, Reads(total=20, mean=700), Code.RELEASE_WATCH_SLOW),
        (Reads(total=20, mean=1000), Reads(total=20, mean=2900), None),
        (Reads(total=20, mean=1000), Reads(total=20, mean=3100), Code.RELEASE_WATCH_SLOW),
        (GOOD, Reads(total=2, mean=5000), None),
    ],
)
def test_the_reads_since_are_compared_with_those_before(
    before: Reads, during: Reads, code: Code | None
) -> None:
    found = watch_problem(before, during)

    assert (found.code if found else None) == code
