"""Maintenance of a database: newer versions, the support of its version, and when RDS acts by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from deployments.aws.rds_maintenance import EngineSupport, UpgradeTarget

SUPPORT_NOTICE: Final = timedelta(days=180)
"""How long before its end the standard support of a version is displayed as ending."""

DUE_NOTICE: Final = timedelta(days=14)
"""How long before RDS applies an action the environment has a note of it."""


class Support(StrEnum):
    """How AWS supports a version."""

    STANDARD = "standard"
    ENDING = "ending"  # standard support, which ends soon
    EXTENDED = "extended"  # for a fee
    ENDED = "ended"
    UNKNOWN = "unknown"


def newer_minor_versions(targets: Iterable[UpgradeTarget]) -> list[str]:
    """Return the upgrade targets of the same major version, the oldest first."""
    return sorted((one.engine_version for one in targets if not one.is_major), key=_numbers)


def support_of(version: str, known: Iterable[EngineSupport]) -> EngineSupport | None:
    """Return the support of the major version that a version belongs to, such as `8.0` of `8.0.mysql_…`."""
    return next((one for one in known if f"{version}.".startswith(f"{one.major_version}.")), None)


def support_status(
    standard_ends_at: datetime | None, extended_ends_at: datetime | None, now: datetime
) -> Support:
    """Return how a version is supported now, from the ends of its standard and extended support."""
    if standard_ends_at is None:
        return Support.UNKNOWN
    if now < standard_ends_at:
        return Support.STANDARD if standard_ends_at - now > SUPPORT_NOTICE else Support.ENDING
    return Support.EXTENDED if extended_ends_at and now < extended_ends_at else Support.ENDED


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
