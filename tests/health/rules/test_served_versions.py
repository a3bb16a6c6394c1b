"""Which versions an environment serves: from a few polls, and never judged while servers change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from deployments.health.rules.served_versions import (
    POLLS,
    SETTLE,
    ServedVersions,
    VersionMatch,
    VersionPoll,
    served_versions,
    with_poll,
)

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OLD, NEW = "0123456789abcdef", "fedcba9876543210"


def poll(seconds: int = 0, configured: str = NEW, **versions: int) -> VersionPoll:
    counts = {{"old": OLD, "new": NEW, "none": ""}[name]: count for name, count in versions.items()}
    return VersionPoll(at=NOW + timedelta(seconds=seconds), configured=configured, versions=counts)


def served(
    *polls: VersionPoll, is_changing: bool = False, changed_at: datetime | None = None
) -> ServedVersions:
    found = served_versions(polls, is_changing=is_changing, changed_at=changed_at)
    assert found
    return found


def test_one_version_that_is_configured_is_as_expected() -> None:
    found = served(poll(new=4), poll(60, new=3))

    assert found == ServedVersions(
        versions=((NEW, 7),), configured=NEW, match=VersionMatch.CONFIGURED, reads=7, since=NOW
    )


def test_one_version_that_is_not_configured_is_another_one() -> None:
    assert served(poll(old=4)).match is VersionMatch.OTHER
    assert served(poll(configured="", old=4)).match is VersionMatch.UNKNOWN


def test_two_versions_without_a_deployment_are_mixed_even_in_separate_polls() -> None:
    found = served(poll(old=4), poll(60, new=4), poll(120, new=4))

    assert (found.versions, found.match) == (((NEW, 8), (OLD, 4)), VersionMatch.MIXED)
    assert served(poll(none=1, new=3)).match is VersionMatch.MIXED


def test_versions_of_a_deployment_in_progress_are_of_its_last_poll_only() -> None:
    found = served(poll(old=4), poll(60, old=2, new=2), poll(120, new=4), is_changing=True)
    assert (found.versions, found.match) == (((NEW, 4),), VersionMatch.CONFIGURED)

    found = served(poll(old=4), poll(60, old=2, new=2), is_changing=True)
    assert (found.reads, found.match) == (4, VersionMatch.CHANGING)


def test_reads_before_the_end_of_a_deployment_are_not_held_against_the_servers() -> None:
    before, at_once, later = poll(-60, configured=OLD, old=4), poll(30, old=1, new=3), poll(120, new=4)

    assert served(before, at_once, changed_at=NOW).match is VersionMatch.CHANGING
    assert served(before, at_once, later, changed_at=NOW).match is VersionMatch.CONFIGURED
    still = poll(200, old=1, new=3)
    assert served(before, at_once, later, still, changed_at=NOW).match is VersionMatch.MIXED


def test_a_site_that_reports_no_version_has_none() -> None:
    assert served_versions((), is_changing=False, changed_at=None) is None
    assert served_versions((poll(none=4),), is_changing=False, changed_at=None) is None


POLL = st.builds(
    VersionPoll,
    at=st.integers(-600, 600).map(lambda seconds: NOW + timedelta(seconds=seconds)),
    configured=st.sampled_from(["", OLD, NEW]),
    versions=st.dictionaries(st.sampled_from(["", OLD, NEW]), st.integers(1, 4), min_size=1),
)


@given(polls=st.lists(POLL, max_size=8), is_changing=st.booleans(), ended=st.sampled_from([None, NOW]))
def test_a_warning_needs_a_settled_environment(
    polls: list[VersionPoll], is_changing: bool, ended: datetime | None
) -> None:
    found = served_versions(polls, is_changing=is_changing, changed_at=ended)

    if found and found.match in (VersionMatch.MIXED, VersionMatch.OTHER):
        assert not is_changing
        assert ended is None or found.since > ended + SETTLE
    if found:
        assert sum(number for _version, number in found.versions) == found.reads


@given(polls=st.lists(POLL, max_size=8))
def test_the_latest_polls_are_stored_and_read_as_they_were(polls: list[VersionPoll]) -> None:
    kept: tuple[VersionPoll, ...] = ()
    for one in polls:
        kept = with_poll([VersionPoll.from_json(known.to_json()) for known in kept], one)

    assert list(kept) == polls[-POLLS:]
