"""Bars stay on the page and ticks are those that people count in, whatever the times are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.core.schedule import Span
from deployments.core.timeline import Interval
from deployments.core.waterfall import MOST_TICKS, Look, axis, bars

BEGIN = 1_764_000_000_000
TIMES = st.one_of(st.integers(-(10**16), 10**16), st.floats())
INTERVALS = st.lists(
    st.tuples(st.integers(-(10**15), 10**15), st.one_of(st.none(), st.integers(-(10**15), 10**15))).map(
        lambda both: Interval("CREATE_IN_PROGRESS", *both)
    ),
    max_size=5,
)


@given(
    TIMES,
    TIMES,
    st.lists(st.one_of(st.none(), TIMES), max_size=4),
    st.one_of(st.none(), st.floats()),
    INTERVALS,
)
def test_no_times_put_a_bar_off_the_page(
    begin: float, now: float, ends: list[float | None], zoom: float | None, intervals: list[Interval]
) -> None:
    shown = axis(begin, now, ends, zoom=zoom)

    assert shown.end > shown.start
    assert len(shown.ticks) <= MOST_TICKS + 1
    assert all(0 <= tick.at <= 1 for tick in shown.ticks)
    for bar in bars(shown, shown.end, intervals, usual_seconds=60, expected=Span(now, begin)):
        assert 0 <= bar.left <= bar.left + bar.width <= 1.000001


@pytest.mark.parametrize(
    ("seconds", "step"),
    [(30, 5), (55, 10), (300, 60), (660, 120), (3000, 600), (7 * 3600, 3600)],
    ids=["30s", "55s", "5min", "11min", "50min", "7h"],
)
def test_ticks_are_steps_that_people_count_in(seconds: int, step: int) -> None:
    shown = axis(BEGIN, BEGIN + 1000 * seconds)

    assert [tick.seconds for tick in shown.ticks][:2] == [step, 2 * step]
    assert 3 <= len(shown.ticks) <= MOST_TICKS


def test_a_bar_stands_where_its_ticks_say() -> None:
    shown = axis(BEGIN, BEGIN + 600_000)
    at_two_minutes = next(tick.at for tick in shown.ticks if tick.seconds == 120)

    (bar,) = bars(shown, BEGIN + 600_000, [Interval("CREATE_IN_PROGRESS", BEGIN + 120_000, BEGIN + 240_000)])

    assert bar.left == pytest.approx(at_two_minutes)
    assert bar.width == pytest.approx(at_two_minutes)


def test_what_goes_on_reaches_the_line_of_now_and_its_rest_goes_on_from_there() -> None:
    now = BEGIN + 300_000
    shown = axis(BEGIN, now, [BEGIN + 600_000])
    intervals = [Interval("CREATE_IN_PROGRESS", BEGIN + 60_000, None)]

    found = bars(shown, now, intervals, usual_seconds=200, expected=Span(BEGIN + 60_000, BEGIN + 400_000))

    assert [bar.look for bar in found] == [Look.GHOST, Look.RUN, Look.REST]
    run, rest = found[1:]
    assert run.left + run.width == pytest.approx(shown.now)
    assert rest.left == pytest.approx(shown.now)


def test_what_has_not_begun_has_a_rest_from_when_it_is_expected() -> None:
    shown = axis(BEGIN, BEGIN + 100_000, [BEGIN + 600_000])

    (rest,) = bars(shown, BEGIN + 100_000, [], expected=Span(BEGIN + 300_000, BEGIN + 400_000))

    assert rest.look is Look.REST
    assert rest.left == pytest.approx(shown.at(BEGIN + 300_000))


def test_what_has_ended_has_no_rest() -> None:
    shown = axis(BEGIN, BEGIN + 100_000, running=False)
    intervals = [Interval("CREATE_IN_PROGRESS", BEGIN, BEGIN + 50_000)]

    found = bars(shown, BEGIN + 100_000, intervals, expected=Span(BEGIN, BEGIN + 90_000))

    assert [bar.look for bar in found] == [Look.RUN]
    assert shown.now is None


def test_zoom_shows_the_last_minutes() -> None:
    shown = axis(BEGIN, BEGIN + 3_600_000, zoom=300)

    assert shown.end - shown.start == 300_000
    assert shown.start > BEGIN
    assert shown.now is not None
    assert all(tick.seconds >= 3000 for tick in shown.ticks)
