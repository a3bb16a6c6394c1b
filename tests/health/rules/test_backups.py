"""Names of requested snapshots, and the causes of snapshots."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.health.rules.backups import CAUSE_TAG, NAME_LENGTH, SnapshotCause, cause_of, snapshot_name

AT = datetime(2026, 12, 2, 3, 34, 16, tzinfo=UTC)
VALID = re.compile(r"[a-z](-?[a-z0-9])*")
"""https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBClusterSnapshot.html"""


def test_a_requested_snapshot_is_named_after_stack_and_time() -> None:
    assert snapshot_name("sanso-shop", AT, "0a1b2c3d") == "sanso-shop-20261202-033416-0a1b2c3d"


@given(stack=st.from_regex(r"sanso-[A-Za-z0-9-]{1,120}", fullmatch=True))
def test_the_name_is_valid_for_every_stack(stack: str) -> None:
    name = snapshot_name(stack, AT, "0a1b2c3d")

    assert VALID.fullmatch(name)
    assert len(name) <= NAME_LENGTH
    assert name.startswith("sanso-")
    assert name.endswith("-20261202-033416-0a1b2c3d")


@pytest.mark.parametrize(
    ("kind", "name", "tags", "cause"),
    [
        ("automated", "rds:shop-2026-12-01-17-04", {}, SnapshotCause.AUTOMATED),
        ("manual", "sanso-shop-1", {CAUSE_TAG: "requested"}, SnapshotCause.REQUESTED),
        ("manual", "sanso-shop-2", {CAUSE_TAG: "before_change"}, SnapshotCause.BEFORE_CHANGE),
        ("manual", "sanso-shop-snapshot-dbcluster-1a2b3c4d5e6f", {}, SnapshotCause.FINAL),
        ("manual", "sanso-shop-final-snapshot", {}, SnapshotCause.FINAL),
        ("manual", "before-the-sale", {}, SnapshotCause.MANUAL),
        ("manual", "my-snapshot-2026-12", {CAUSE_TAG: "of a later release"}, SnapshotCause.MANUAL),
        ("awsbackup", "awsbackup:job-1", {}, SnapshotCause.MANUAL),
    ],
)
def test_a_snapshot_has_a_cause(kind: str, name: str, tags: dict[str, str], cause: SnapshotCause) -> None:
    assert cause_of(kind, name, tags) is cause
