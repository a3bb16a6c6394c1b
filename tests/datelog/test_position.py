"""Positions in the list, in links."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datelog.position import Position


@given(st.datetimes(min_value=datetime(1000, 1, 1)), st.integers(0, 2**63 - 1))  # noqa: DTZ001
def test_a_position_round_trips_through_its_link(time: datetime, tie: int) -> None:
    position = Position(str(time), tie)
    assert Position.parse(str(position)) == position
    assert " " not in str(position)


@given(st.text())
def test_any_other_text_is_rejected(text: str) -> None:
    try:
        position = Position.parse(text)
    except ValueError:
        return
    assert str(position) == text


@pytest.mark.parametrize(
    "text",
    ["2024-02-30T00:00:00~1", "2024-01-01T24:00:00~1", "2024-01-01T00:00:00~-1", "２０２４-01-01T00:00:00~1"],
)
def test_an_invalid_time_is_no_position(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Position.parse(text)
