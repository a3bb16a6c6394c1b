"""Newer versions, and how AWS supports a version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.aws.rds_maintenance import EngineSupport, UpgradeTarget
from deployments.health.rules.maintenance import (
    SUPPORT_NOTICE,
    Support,
    newer_minor_versions,
    support_of,
    support_status,
)

NOW = datetime(2026, 12, 3, 6, 40, tzinfo=UTC)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_newer_versions_are_of_the_same_major_version_and_in_order() -> None:
    targets = [
        UpgradeTarget(engine_version="8.0.mysql_aurora.3.12.0"),
        UpgradeTarget(engine_version="8.0.mysql_aurora.3.9.0"),
        UpgradeTarget(engine_version="8.4.mysql_aurora.8.4.7", is_major=True),
        UpgradeTarget(engine_version="8.0.mysql_aurora.3.10.6"),
    ]

    assert newer_minor_versions(targets) == [
        "8.0.mysql_aurora.3.9.0",
        "8.0.mysql_aurora.3.10.6",
        "8.0.mysql_aurora.3.12.0",
    ]
    assert newer_minor_versions([]) == []


@pytest.mark.parametrize(
    ("version", "major"),
    [("8.0.mysql_aurora.3.10.6", "8.0"), ("16.4", "16"), ("16", "16"), ("8.4.mysql_aurora.8.4.7", "")],
)
def test_a_version_belongs_to_the_major_version_that_it_begins_with(version: str, major: str) -> None:
    known = [EngineSupport(engine="any", major_version=one) for one in ("1", "8.0", "16")]

    found = support_of(version, known)

    assert (found.major_version if found else "") == major


@pytest.mark.parametrize(
    ("standard", "extended", "status"),
    [
        (None, None, Support.UNKNOWN),
        (timedelta(days=500), timedelta(days=900), Support.STANDARD),
        (timedelta(days=100), timedelta(days=500), Support.ENDING),
        (timedelta(days=-1), timedelta(days=500), Support.EXTENDED),
        (timedelta(days=-500), timedelta(days=-1), Support.ENDED),
        (timedelta(days=-1), None, Support.ENDED),
    ],
)
def test_support_follows_from_its_ends(
    standard: timedelta | None, extended: timedelta | None, status: Support
) -> None:
    ends = [NOW + one if one is not None else None for one in (standard, extended)]

    assert support_status(ends[0], ends[1], NOW) is status


@given(standard=TIMES, extended=st.none() | TIMES, first=TIMES, second=TIMES)
def test_support_never_gets_better_with_time(
    standard: datetime, extended: datetime | None, first: datetime, second: datetime
) -> None:
    order = [Support.STANDARD, Support.ENDING, Support.EXTENDED, Support.ENDED]
    earlier, later = sorted((first, second))

    before = order.index(support_status(standard, extended, earlier))
    after = order.index(support_status(standard, extended, later))

    assert before <= after
    assert (before == 0) == (standard - earlier > SUPPORT_NOTICE)
