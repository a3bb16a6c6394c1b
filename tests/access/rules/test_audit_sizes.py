"""What an audit record stores of values that are too long, and the marks of what was cut."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from deployments.access.rules.audit_sizes import (
    MAX_ITEMS,
    MAX_REFUSED,
    MAX_REQUESTED,
    MAX_TEXT,
    fitted,
    limited,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=2_000),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=300), inner),
)


def test_short_values_are_stored_as_they_are() -> None:
    value = {"name": "shop", "count": 3, "on": True, "none": None, "labels": ["a=b"], "of": {"x": "y"}}

    assert limited(value, refused=True) == value


def test_a_cut_text_says_how_much_is_missing() -> None:
    assert limited({"url": "a" * (MAX_TEXT + 12)}, refused=False) == {"url": "a" * MAX_TEXT + "… +12"}


def test_a_cut_list_says_how_many_entries_are_missing() -> None:
    found = limited({"resources": ["a"] * (MAX_ITEMS + 3)}, refused=False)["resources"]

    assert (len(found), found[-1]) == (MAX_ITEMS + 1, "… +3")


def test_a_cut_object_says_how_many_names_are_missing() -> None:
    found = limited({f"{number}": "a" * 1_000 for number in range(10)}, refused=True)

    assert list(found)[-1] == "…"
    assert found["…"] == f"+{10 - len(found) + 1}"


def test_a_name_that_was_cut_ends_with_an_ellipsis() -> None:
    assert (fitted("shop", 4), fitted("shops", 4)) == ("shop", "sho…")


@given(JSON)
def test_no_value_takes_more_than_its_record_allows(value: object) -> None:
    for refused, limit in ((True, MAX_REFUSED), (False, MAX_REQUESTED)):
        # Keys and marks are beside the limit of texts: each entry counts for 8 characters of it.
        most = limit + limit // 8 * 130 + 100
        assert len(json.dumps(limited(value, refused=refused), ensure_ascii=False)) < most
