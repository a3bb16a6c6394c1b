"""The time axis: its ticks are at round steps and within the axis for any times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.stacks.rules.time_axis import MAX_TICKS, TimeAxis

BEGIN = 1_764_000_000_000
TIMES = st.one_of(st.integers(-(10**16), 10**16), st.floats())


@given(TIMES, TIMES, st.booleans())
def test_all_ticks_are_on_the_axis_whatever_the_times(begin: float, last: float, running: bool) -> None:
    axis = TimeAxis.until(begin, last, running=running)

    assert axis.end > axis.start
    assert len(axis.ticks()) <= MAX_TICKS
    assert all(0 < tick.percent < 100 for tick in axis.ticks())


@pytest.mark.parametrize(
    ("seconds", "step"),
    [(30, 5), (55, 10), (300, 60), (660, 120), (3000, 600), (7 * 3600, 3600), (20 * 86400, 3 * 86400)],
    ids=["30s", "55s", "5min", "11min", "50min", "7h", "20d"],
)
def test_ticks_are_at_round_steps(seconds: int, step: int) -> None:
    ticks = TimeAxis.until(BEGIN, BEGIN + 1000 * seconds).ticks()

    assert [tick.seconds for tick in ticks][:2] == [step, 2 * step]
    assert 3 <= len(ticks) <= MAX_TICKS


def test_a_tick_is_at_the_position_of_its_time() -> None:
    axis = TimeAxis.until(BEGIN, BEGIN + 600_000)

    for tick in axis.ticks():
        assert axis.percent(BEGIN + 1000 * tick.seconds) == pytest.approx(tick.percent, abs=0.01)


def test_the_axis_has_a_little_room_at_its_end() -> None:
    axis = TimeAxis.until(BEGIN, BEGIN + 300_000)

    assert axis.end - axis.start == pytest.approx(312_000, abs=10)
    assert [tick.seconds for tick in axis.ticks()] == [60, 120, 180, 240, 300]
    assert (axis.percent(BEGIN - 5), axis.percent(BEGIN + 10**9)) == (0, 100)


def test_the_axis_of_a_running_deployment_rarely_changes_and_has_room_ahead() -> None:
    ends = {TimeAxis.until(BEGIN, BEGIN + 1000 * seconds, running=True).end for seconds in range(310, 355)}

    assert len(ends) == 1
    assert min(ends) > BEGIN + 360_000
