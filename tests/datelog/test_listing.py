"""The JSON text, compared with what Python's own writer makes of the same list."""

from __future__ import annotations

import json
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from datelog import listing

times = st.datetimes(min_value=datetime(1000, 1, 1)).map(  # noqa: DTZ001
    lambda time: time.strftime("%Y-%m-%d %H:%M:%S")
)


@given(st.lists(times))
def test_a_whole_list_is_what_json_writes(saved: list[str]) -> None:
    assert listing.Text(listing.joined(saved)).whole == json.dumps(saved, indent=2).encode()


@given(st.lists(times, min_size=1), st.lists(st.lists(times)))
def test_a_list_in_parts_is_the_same_list(first: list[str], others: list[list[str]]) -> None:
    everything = [text for times in (first, *others) for text in times]
    parts = map(listing.joined, [first, *others])
    assert b"".join(listing.in_parts(parts)) == json.dumps(everything, indent=2).encode()
