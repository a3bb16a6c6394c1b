"""When the next monthly drill is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.restore_drills.rules.schedule import a_month_later, first_due, longest_ago

TIMES = st.builds(
    lambda seconds, zone: datetime.fromtimestamp(seconds, zone), st.integers(0, 2**32), st.timezones()
)


@given(TIMES)
def test_a_month_later_is_in_the_next_month_and_not_sooner_than_28_days(at: datetime) -> None:
    later = a_month_later(at)
    utc = at.astimezone(UTC)

    assert (later.year * 12 + later.month) - (utc.year * 12 + utc.month) == 1
    assert timedelta(days=28) <= later - at <= timedelta(days=31)
    assert later.timetz() == utc.timetz()


@pytest.mark.parametrize(
    ("at", "later"),
    [
        (datetime(2026, 1, 31, 4, tzinfo=UTC), datetime(2026, 2, 28, 4, tzinfo=UTC)),
        (datetime(2026, 12, 3, 4, tzinfo=UTC), datetime(2027, 1, 3, 4, tzinfo=UTC)),
    ],
)
def test_a_month_that_is_shorter_and_the_end_of_the_year(at: datetime, later: datetime) -> None:
    assert a_month_later(at) == later


@given(st.none() | TIMES, TIMES)
def test_a_schedule_begins_at_once_or_a_month_after_the_last_drill(
    last: datetime | None, now: datetime
) -> None:
    due = first_due(last, now)

    assert due >= now
    if last is None:
        assert due == now
    else:
        assert due in (now, a_month_later(last))
        assert due >= a_month_later(last)


def test_of_several_databases_the_one_whose_last_drill_is_oldest_comes_next() -> None:
    now = datetime(2026, 12, 3, tzinfo=UTC)

    assert longest_ago(["one", "two"], {"one": now}) == "two"
    assert longest_ago(["one", "two"], {"one": now, "two": now - timedelta(days=1)}) == "two"
    assert longest_ago(["one", "two"], {}) == "one"
