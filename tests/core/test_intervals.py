"""Polls come less often after failures, and those of many environments at common moments."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployments.core.intervals import next_poll_at, poll_interval, retry_delay
from deployments.core.sources import OBSERVED


@given(st.integers(1, 10_000), st.booleans())
def test_retries_get_slower_up_to_half_a_minute(failures: int, throttled: bool) -> None:
    assert retry_delay(failures, throttled=throttled) <= retry_delay(failures + 1, throttled=throttled) <= 30


@given(st.floats(0, 2e9), st.sampled_from(sorted(OBSERVED)), st.booleans())
def test_what_is_told_of_many_at_once_is_asked_for_at_common_moments(
    now: float, source: str, fast: bool
) -> None:
    delay = poll_interval(source, sandbox=False, fast=fast)
    then = next_poll_at(source, now, delay)

    assert delay * 0.49 <= then - now <= delay * 1.51
    if OBSERVED[source].shares_calls:
        assert then % delay == 0
        assert next_poll_at(source, now + delay / 100, delay) - then in (0, delay)
