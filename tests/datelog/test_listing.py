"""The JSON of a list, compared with json.dumps."""

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
def test_a_whole_list_equals_json_dumps(saved: list[str]) -> None:
    assert listing.ListBody(listing.join_times(saved)).body == json.dumps(saved, indent=2).encode()


@given(st.lists(times, min_size=1), st.lists(st.lists(times)))
def test_a_streamed_list_equals_json_dumps(first: list[str], others: list[list[str]]) -> None:
    everything = [text for times in (first, *others) for text in times]
    chunks = map(listing.join_times, [first, *others])
    assert b"".join(listing.stream(chunks)) == json.dumps(everything, indent=2).encode()
