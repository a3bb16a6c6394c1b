"""Updates in a channel: the order of tags, branches, prereleases, and versions that are never offered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.template_sets.rules.channels import (
    SetVersion,
    Updates,
    UpdateStatus,
    between,
    is_earlier,
    is_prerelease,
    matches,
    tag_order,
    updates,
)

tags = st.from_regex(r"\A(v|release-|)[0-9]{1,3}(\.[0-9]{1,3}){0,2}(-rc[0-9]|b2|\+build|)\Z")


def tagged(*names: str) -> list[SetVersion]:
    """Return versions in the order in which they were fetched, each with its tags; "main" is the branch."""
    return [
        SetVersion(pk=number, number=number, refs=tuple(map(_ref, filter(None, name.split()))))
        for number, name in enumerate(names, 1)
    ]


def _ref(name: str) -> str:
    return f"refs/heads/{name}" if name == "main" else f"refs/tags/{name}"


def offered(found: Updates) -> tuple[UpdateStatus, list[int]]:
    """Return the situation and the primary keys of the newer versions."""
    return found.situation, [one.pk for one in found.newer]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("v1.9", "v1.10"),
        ("v1.2", "v1.2.1"),
        ("1.0-rc1", "1.0"),
        ("1.0-rc.2", "1.0-rc.10"),
        ("1.0-alpha", "1.0-beta"),
        ("1.0-1", "1.0-alpha"),
        ("v0.9", "v1.0-beta"),
        ("2026-01-31", "2026-02-01"),
        ("datelog-v1", "datelog-v2"),
        ("latest", "v0.1"),
        ("1.3b2", "1.3"),
        ("1.3", "1.3.post1"),
    ],
)
def test_tags_are_in_the_order_of_their_version_numbers(earlier: str, later: str) -> None:
    assert tag_order(earlier) < tag_order(later)


def test_trailing_zeros_and_build_numbers_have_no_order() -> None:
    assert tag_order("v1.0") == tag_order("1.0.0") == tag_order("1+build.7")


def test_a_number_of_thousands_of_digits_is_read() -> None:
    assert tag_order("v" + "9" * 10_000) > tag_order("v1")


@given(tags, tags, tags)
def test_the_order_of_tags_is_total(one: str, other: str, third: str) -> None:
    low, middle, high = sorted(map(tag_order, (one, other, third)))
    assert low <= middle <= high
    assert low <= high


def test_prereleases_are_known_by_their_tags() -> None:
    assert all(map(is_prerelease, ["v1-rc1", "1.0b2", "2.0.dev3", "1.0-17", "v1.2.3-SNAPSHOT"]))
    assert not any(map(is_prerelease, ["v1", "1.0.post1", "2026-01-31", "latest", "1.0+rc1", "1.0.final"]))


def test_a_pattern_is_of_the_short_or_the_whole_name() -> None:
    assert matches("main", "refs/heads/main")
    assert matches("v1.* main", "refs/tags/v1.4")
    assert matches("refs/heads/*", "refs/heads/feature/x")
    assert not matches("refs/heads/*", "refs/tags/v1")
    assert not matches("v1.*", "refs/tags/v2.0")
    assert not matches("", "refs/heads/main")


def test_the_newest_release_of_the_channel_is_the_target() -> None:
    found = updates(tagged("v1.9", "v1.10", "v2.0", "v1.11-rc1"), pinned=1, channel="v1.*")

    assert offered(found) == (UpdateStatus.AVAILABLE, [2])
    assert found.target
    assert found.target.pk == 2


def test_a_release_for_an_older_line_is_not_newer_although_it_was_fetched_later() -> None:
    assert offered(updates(tagged("v1.9", "v2.0", "v1.10"), pinned=2, channel="v*")) == (
        UpdateStatus.UP_TO_DATE,
        [],
    )


def test_prereleases_are_offered_where_they_are_followed_and_come_after_releases() -> None:
    known = tagged("v1.1-rc1", "v1.0", "v1.1", "v1.2-rc1")

    assert offered(updates(known, pinned=2, channel="v1.*")) == (UpdateStatus.AVAILABLE, [3])
    assert offered(updates(known, pinned=1, channel="v1.*")) == (UpdateStatus.AVAILABLE, [3, 4])
    assert offered(updates(known, pinned=3, channel="v1.* v*-rc*")) == (UpdateStatus.AVAILABLE, [4])


def test_deprecated_or_withdrawn_versions_are_never_offered() -> None:
    one, two = tagged("v1", "")
    newest = SetVersion(pk=3, number=3, is_active=False, refs=("refs/tags/v3", "refs/heads/main"))

    assert updates([one, two, newest], pinned=1, channel="v*").situation is UpdateStatus.UP_TO_DATE
    assert updates([one, two, newest], pinned=1, channel="main").situation is UpdateStatus.NOTHING_MATCHES


def test_a_branch_offers_what_it_points_at_with_the_versions_between() -> None:
    known = tagged("", "", "v9", "", "main")

    assert offered(updates(known, pinned=1, channel="main")) == (UpdateStatus.AVAILABLE, [5])
    assert between(known, known[0], known[4], "main") == [5, 4, 2]  # v9 belongs to another channel
    assert between(known, known[4], known[2], "main") == [5, 4]  # going back: the removed versions


def test_a_branch_that_was_reset_to_an_earlier_version_is_reported_as_such() -> None:
    found = updates(tagged("", "main", ""), pinned=3, channel="main")

    assert (found.situation, found.newer) == (UpdateStatus.MOVED_BACK, ())
    assert found.target
    assert found.target.pk == 2


def test_in_a_set_without_branches_every_channel_stands_for_all_versions() -> None:
    found = updates(tagged("", "", ""), pinned=1, channel="*")

    assert offered(found) == (UpdateStatus.AVAILABLE, [3, 2])
    assert updates(tagged("", "", ""), pinned=3, channel="*").situation is UpdateStatus.UP_TO_DATE


def test_a_version_without_tags_is_compared_by_when_it_was_fetched() -> None:
    assert offered(updates(tagged("v1.0", "", "v1.1"), pinned=2, channel="v1.*")) == (
        UpdateStatus.AVAILABLE,
        [3],
    )


def test_the_version_of_a_moved_tag_is_not_offered_until_the_tag_is_confirmed() -> None:
    known = tagged("v1", "v2")

    assert not updates(known, pinned=1, channel="v*", unconfirmed=["refs/tags/v2"]).is_available
    assert updates(known, pinned=1, channel="v*").is_available


def test_a_person_who_went_back_is_not_offered_the_same_version_but_a_newer_one() -> None:
    known = tagged("v1", "v2", "v3")

    back = known[1]
    assert updates(known[:2], pinned=1, channel="v*", went_back_from=back).situation is UpdateStatus.PAUSED
    assert updates(known, pinned=1, channel="v*", went_back_from=back).situation is UpdateStatus.AVAILABLE


def test_a_release_of_an_older_line_that_was_fetched_later_is_the_earlier_one() -> None:
    old, new, backport = tagged("v1.9", "v2.0", "v1.10")

    assert is_earlier(backport, new)
    assert not is_earlier(new, backport)
    assert is_earlier(old, backport)
    assert is_earlier(*tagged("", "v1"))
    assert not is_earlier(old, old)


def test_without_channel_or_version_nothing_is_offered() -> None:
    known = tagged("v1", "v2")

    assert updates(known, pinned=1, channel=" ").situation is UpdateStatus.NO_CHANNEL
    assert updates(known, pinned=None, channel="v*").situation is UpdateStatus.UNKNOWN_VERSION
    assert updates(known, pinned=77, channel="v*").situation is UpdateStatus.UNKNOWN_VERSION
    assert updates(known, pinned=1, channel="release/*").situation is UpdateStatus.NOTHING_MATCHES


@given(
    st.lists(st.tuples(tags, st.booleans(), st.booleans()), min_size=1, max_size=12),
    st.sampled_from(["*", "v*", "main", "v1.* main", "release-*"]),
    st.data(),
)
def test_only_active_versions_of_the_channel_are_offered_and_never_the_own_one(
    rows: list[tuple[str, bool, bool]], channel: str, data: st.DataObject
) -> None:
    known = [
        SetVersion(
            pk=number,
            number=number,
            is_active=is_active,
            refs=(f"refs/tags/{tag}", *(["refs/heads/main"] if is_main else [])),
        )
        for number, (tag, is_active, is_main) in enumerate(rows, 1)
    ]
    pinned = data.draw(st.sampled_from(known))
    found = updates(known, pinned=pinned.pk, channel=channel)

    assert pinned not in found.newer
    assert len(set(found.newer)) == len(found.newer)
    assert all(one.is_active for one in found.newer)
    assert all(any(matches(channel, ref) for ref in one.refs) for one in found.newer)
    assert found.is_available <= bool(found.newer)
