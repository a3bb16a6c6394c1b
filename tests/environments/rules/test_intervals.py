"""Polling slows down after failures, and environments that share calls are polled at the same time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployments.environments.rules.intervals import next_poll_at, retry_delay
from deployments.environments.rules.observers import OBSERVED
from deployments.environments.rules.timings import AWS, simulated


@given(st.integers(1, 10_000), st.booleans())
def test_retry_delays_grow_up_to_half_a_minute(failures: int, throttled: bool) -> None:
    assert retry_delay(failures, throttled=throttled) <= retry_delay(failures + 1, throttled=throttled) <= 30


@given(st.floats(0, 2e9), st.sampled_from(sorted(OBSERVED)), st.booleans())
def test_sources_that_share_calls_are_polled_at_common_times(now: float, source: str, fast: bool) -> None:
    delay = AWS.source_interval(source, fast=fast)
    then = next_poll_at(source, now, delay)

    assert delay * 0.49 <= then - now <= delay * 1.51
    if OBSERVED[source].shares_calls:
        assert then % delay == 0
        assert next_poll_at(source, now + delay / 100, delay) - then in (0, delay)


@given(st.sampled_from(sorted(OBSERVED)), st.floats(0, 10), st.booleans())
def test_a_source_without_resources_is_polled_less_often_and_its_figures_stay_current(
    source: str, time_scale: float, fast: bool
) -> None:
    for timings in (AWS, simulated(time_scale)):
        usual = timings.source_interval(source, fast=fast)
        empty = timings.source_interval(source, fast=fast, is_empty=True)

        assert usual <= empty <= max(usual, timings.stale_after(source) / 3)
