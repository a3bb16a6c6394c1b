"""Ticks are those that people count in, and on the page, whatever the times are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.core.waterfall import MAX_TICKS, axis

BEGIN = 1_764_000_000_000
TIMES = st.one_of(st.integers(-(10**16), 10**16), st.floats())


@given(TIMES, TIMES)
def test_no_times_put_a_tick_off_the_page(begin: float, last: float) -> None:
    shown = axis(begin, last)

    assert shown.end > shown.start
    assert len(shown.ticks) <= MAX_TICKS + 1
    assert all(0 < tick.at < 1 for tick in shown.ticks)


@pytest.mark.parametrize(
    ("seconds", "step"),
    [(30, 5), (55, 10), (300, 60), (660, 120), (3000, 600), (7 * 3600, 3600)],
    ids=["30s", "55s", "5min", "11min", "50min", "7h"],
)
def test_ticks_are_steps_that_people_count_in(seconds: int, step: int) -> None:
    shown = axis(BEGIN, BEGIN + 1000 * seconds)

    assert [tick.seconds for tick in shown.ticks][:2] == [step, 2 * step]
    assert 3 <= len(shown.ticks) <= MAX_TICKS


def test_a_tick_stands_where_its_time_is() -> None:
    shown = axis(BEGIN, BEGIN + 600_000)

    for tick in shown.ticks:
        assert shown.at(BEGIN + 1000 * tick.seconds) == pytest.approx(tick.at)
