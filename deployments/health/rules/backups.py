"""Snapshots of a database: their names, and why each was taken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

CAUSE_TAG: Final = "sanso:snapshot"
"""The tag of the snapshots that Sanso takes; its value is their cause."""
NAME_LENGTH: Final = 63
"""Maximum length of the name of a cluster's snapshot: letters, digits and single hyphens, first a letter.
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBClusterSnapshot.html
"""
FINAL: Final = re.compile(r"-snapshot-[a-z0-9]+-[a-z0-9]{12}$|-final-snapshot$")
"""The ends of the names of final snapshots that CloudFormation's handler takes.
https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds (DeleteHandler.java)
"""


class SnapshotCause(StrEnum):
    """Why a snapshot was taken. Stored in the database, and in a tag: a value that was released stays."""

    AUTOMATED = "automated"  # by RDS, daily; deleted after the retention period
    FINAL = "final"  # by CloudFormation, before it deleted the cluster
    REQUESTED = "requested"  # by somebody in Sanso
    BEFORE_CHANGE = "before_change"  # by Sanso, before a change of the environment
    MANUAL = "manual"  # by somebody or something else


_OF_SANSO: Final = (SnapshotCause.REQUESTED, SnapshotCause.BEFORE_CHANGE)


def cause_of(kind: str, name: str, tags: Mapping[str, str]) -> SnapshotCause:
    """Return why a snapshot was taken, from the API's SnapshotType, its name and its tags."""
    if kind == SnapshotCause.AUTOMATED:
        return SnapshotCause.AUTOMATED
    if tags.get(CAUSE_TAG) in _OF_SANSO:
        return SnapshotCause(tags[CAUSE_TAG])
    return SnapshotCause.FINAL if FINAL.search(name) else SnapshotCause.MANUAL


def snapshot_name(stack_name: str, requested_at: datetime, token: str) -> str:
    """Return the name of a requested snapshot: the stack's, as much as fits, the time in UTC and a token.

    It begins as the names of all resources of the stack do, which the roles of an account demand.
    """
    end = f"-{requested_at.astimezone(UTC):%Y%m%d-%H%M%S}-{token}".lower()
    beginning = re.sub("-{2,}", "-", stack_name.lower())[: NAME_LENGTH - len(end)]
    return f"{beginning.rstrip('-')}{end}"
