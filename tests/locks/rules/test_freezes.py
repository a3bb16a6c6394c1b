"""Freeze windows: in force by their time zone's clocks, including daylight saving time changes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.locks.rules import Once, Weekly, Window, freeze_at

ZONES = (
    *("UTC", "Asia/Tokyo", "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe"),
    *("Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "America/Santiago"),
)
instants = st.datetimes(
    min_value=datetime.fromisoformat("2024-01-01"),
    max_value=datetime.fromisoformat("2028-01-01"),
    timezones=st.just(UTC),
)
wall_times = st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 59)))


@st.composite
def weekly(draw: st.DrawFn) -> Weekly:
    days, times = st.integers(0, 6), wall_times
    window = Weekly(start_day=draw(days), start_time=draw(times), end_day=draw(days), end_time=draw(times))
    if (window.start_day, window.start_time) == (window.end_day, window.end_time):
        return Weekly(start_day=0, start_time=time(1), end_day=0, end_time=time(2))
    return window


@st.composite
def once(draw: st.DrawFn) -> Once:
    start = draw(
        st.datetimes(
            min_value=datetime.fromisoformat("2024-01-02"), max_value=datetime.fromisoformat("2027-12-01")
        )
    )
    return Once(start=start, end=start + timedelta(minutes=draw(st.integers(1, 60 * 24 * 20))))


windows = st.builds(
    Window,
    name=st.sampled_from(("sale", "payroll")),
    reason=st.just("fewer surprises"),
    zone=st.sampled_from(ZONES),
    times=weekly() | once(),
)


@given(st.lists(windows, max_size=4), instants)
def test_a_freeze_lasts_until_its_end_and_no_longer(found: list[Window], now: datetime) -> None:
    freeze = freeze_at(found, now)

    assert (freeze is None) == all(window.end_at(now) is None for window in found)
    if freeze is None or freeze.until is None:
        return
    assert freeze.until > now
    assert freeze_at(found, freeze.until) is None
    just_before = freeze_at(found, freeze.until - timedelta(seconds=1))
    assert just_before is not None
    assert just_before.until == freeze.until


@given(weekly(), st.sampled_from(ZONES), instants)
def test_a_weekly_window_is_in_force_while_the_clocks_are_within_it(
    times: Weekly, zone: str, now: datetime
) -> None:
    clocks = ZoneInfo(zone)
    nearby = {(now + timedelta(hours=hour)).astimezone(clocks).utcoffset() for hour in range(-200, 201, 6)}
    if len(nearby) > 1:
        return  # the next test covers these
    local = now.astimezone(clocks)
    seen = (local.weekday(), local.time())
    start, end = (times.start_day, times.start_time), (times.end_day, times.end_time)
    within = start <= seen < end if start < end else seen >= start or seen < end

    window = Window(name="w", reason="", zone=zone, times=times)
    assert (window.end_at(now) is not None) == within


@pytest.mark.parametrize(
    ("zone", "start", "end", "first", "last"),
    [
        # Berlin's clocks change from 02:00 to 03:00 on 2026-03-29: the night is an hour shorter
        ("Europe/Berlin", "2026-03-28 22:00", "2026-03-29 06:00", "2026-03-28 21:00", "2026-03-29 04:00"),
        # a skipped end: 02:30 becomes 03:30
        ("Europe/Berlin", "2026-03-29 01:00", "2026-03-29 02:30", "2026-03-29 00:00", "2026-03-29 01:30"),
        # a skipped start
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 05:00", "2026-03-29 01:30", "2026-03-29 03:00"),
        # and back from 03:00 to 02:00 on 2026-10-25: 02:30 occurs twice
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 02:45", "2026-10-25 00:30", "2026-10-25 01:45"),
        # a change of half an hour, on Lord Howe Island
        (
            *("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-05 02:30"),
            *("2026-04-04 14:45", "2026-04-04 16:00"),
        ),
    ],
)
def test_clocks_that_change_within_a_window(zone: str, start: str, end: str, first: str, last: str) -> None:
    times = Once(start=datetime.fromisoformat(start), end=datetime.fromisoformat(end))
    window = Window(name="w", reason="", zone=zone, times=times)
    begin, finish = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (first, last))

    assert window.end_at(begin - timedelta(seconds=1)) is None
    assert window.end_at(begin) == finish
    assert window.end_at(finish - timedelta(seconds=1)) == finish
    assert window.end_at(finish) is None


def test_a_weekend_ends_on_monday_morning_in_winter_and_in_summer() -> None:
    weekend = Window(
        name="weekend",
        reason="Nobody is on call.",
        zone="America/New_York",
        times=Weekly(start_day=4, start_time=time(17), end_day=0, end_time=time(9)),
    )
    for saturday, monday in (
        (datetime(2026, 1, 10, 12, tzinfo=UTC), datetime(2026, 1, 12, 14, tzinfo=UTC)),
        (datetime(2026, 7, 11, 12, tzinfo=UTC), datetime(2026, 7, 13, 13, tzinfo=UTC)),
        (datetime(2026, 3, 7, 12, tzinfo=UTC), datetime(2026, 3, 9, 13, tzinfo=UTC)),  # DST begins on Sunday
    ):
        freeze = freeze_at([weekend], saturday)
        assert freeze is not None
        assert (freeze.name, freeze.until) == ("weekend", monday)


def test_windows_that_follow_one_another_are_one_freeze() -> None:
    def window(name: str, start: int, end: int) -> Window:
        days = [datetime.fromisoformat(f"2026-12-0{day}") for day in (start, end)]
        return Window(name=name, reason="", zone="UTC", times=Once(start=days[0], end=days[1]))

    freeze = freeze_at(
        [window("a", 1, 3), window("b", 3, 6), window("c", 8, 9)], datetime(2026, 12, 2, tzinfo=UTC)
    )

    assert freeze is not None
    assert (freeze.name, freeze.until) == ("a", datetime(2026, 12, 6, tzinfo=UTC))


def test_windows_that_fill_the_week_have_no_end() -> None:
    def half(first: int, last: int) -> Window:
        times = Weekly(start_day=first, start_time=time(0), end_day=last, end_time=time(0))
        return Window(name="always", reason="", zone="UTC", times=times)

    freeze = freeze_at([half(0, 3), half(3, 0)], datetime(2026, 12, 2, tzinfo=UTC))

    assert freeze is not None
    assert freeze.until is None
