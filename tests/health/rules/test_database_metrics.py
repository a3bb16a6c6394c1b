"""The periods of metrics that a poll reads."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from deployments.health.rules.database_metrics import BACKFILL, PERIOD, begin_of, maximum, read_from
from tests.builders import START

PAUSES = st.timedeltas(timedelta(), timedelta(days=3))


def test_the_first_poll_reads_three_hours() -> None:
    assert read_from(None, START) == begin_of(START - timedelta(hours=3))


@given(PAUSES, PAUSES)
def test_a_poll_leaves_no_gap_behind_the_last_one_within_three_hours(
    offset: timedelta, pause: timedelta
) -> None:
    observed_at = START + offset
    now = observed_at + pause

    since = read_from(observed_at, now)

    assert since == begin_of(since)
    assert since <= begin_of(max(observed_at, now - BACKFILL))
    assert now - since < BACKFILL + PERIOD


@given(st.lists(st.none() | st.floats(0, 1e6)))
def test_the_maximum_ignores_what_is_not_known(values: list[float | None]) -> None:
    known = [value for value in values if value is not None]
    assert maximum(values) == (max(known) if known else None)
