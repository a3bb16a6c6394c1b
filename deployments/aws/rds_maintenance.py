"""The gateway to RDS's maintenance: pending actions, upgrade targets, the end of support of versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from deployments.aws.error_mapping import calling

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

AT_ONCE = 100
"""Rows in one response
(https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribePendingMaintenanceActions.html)."""
_STANDARD, _EXTENDED = "open-source-rds-standard-support", "open-source-rds-extended-support"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAction:
    """A maintenance action that waits to be applied to a cluster or an instance, such as `os-upgrade`.

    `kind` is that of the ARN: `cluster`, `db`. RDS applies the action in the first maintenance window after
    `apply_after`, and as soon as possible after `forced_at`. `applies_at` also takes into account what
    somebody has requested (`opt_in`: `next-maintenance`, …). None are those that RDS has not set.
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_PendingMaintenanceAction.html
    """

    kind: str
    resource_id: str
    action: str
    description: str = ""
    apply_after: datetime | None = None
    forced_at: datetime | None = None
    applies_at: datetime | None = None
    opt_in: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeTarget:
    """A version that a database can be upgraded to."""

    engine_version: str
    is_major: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSupport:
    """How long AWS supports a major version of an engine; None where it has not set a date.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/extended-support-viewing-support-dates.html
    """

    engine: str
    major_version: str
    standard_ends_at: datetime | None = None
    extended_ends_at: datetime | None = None


class RDSMaintenance(Protocol):
    """The calls to RDS about maintenance and versions."""

    def pending_actions(self) -> list[PendingAction]:
        """Return the pending maintenance actions of all clusters and instances of the account."""
        ...

    def upgrade_targets(self, engine: str, version: str) -> list[UpgradeTarget]:
        """Return the versions that one can be upgraded to, also one that can no longer be created."""
        ...

    def support_of(self, engine: str) -> list[EngineSupport]:
        """Return the support of each major version of an engine."""
        ...


class RDSMaintenanceGateway:
    """RDS through boto3; the protocol above documents the methods."""

    def __init__(self, client: RDSClient) -> None:
        self._client = client

    def pending_actions(self) -> list[PendingAction]:
        pages = self._client.get_paginator("describe_pending_maintenance_actions").paginate(
            PaginationConfig={"PageSize": AT_ONCE}
        )
        with calling("rds:DescribePendingMaintenanceActions"):
            rows = [row for page in pages for row in page.get("PendingMaintenanceActions", [])]
        return [
            _action(row["ResourceIdentifier"], detail)
            for row in rows
            for detail in row.get("PendingMaintenanceActionDetails", [])
        ]

    def upgrade_targets(self, engine: str, version: str) -> list[UpgradeTarget]:
        with calling("rds:DescribeDBEngineVersions"):
            found = self._client.describe_db_engine_versions(
                Engine=engine, EngineVersion=version, IncludeAll=True
            )
        return [
            UpgradeTarget(
                engine_version=target.get("EngineVersion", ""),
                is_major=target.get("IsMajorVersionUpgrade", False),
            )
            for row in found.get("DBEngineVersions", [])
            for target in row.get("ValidUpgradeTarget", [])
        ]

    def support_of(self, engine: str) -> list[EngineSupport]:
        pages = self._client.get_paginator("describe_db_major_engine_versions").paginate(
            Engine=engine, PaginationConfig={"PageSize": AT_ONCE}
        )
        with calling("rds:DescribeDBMajorEngineVersions"):
            return [_support(row) for page in pages for row in page.get("DBMajorEngineVersions", [])]


def _action(arn: str, row: Any) -> PendingAction:
    kind, _colon, resource_id = arn.split(":", 5)[-1].partition(":")
    return PendingAction(
        kind=kind,
        resource_id=resource_id,
        action=row.get("Action", ""),
        description=row.get("Description", ""),
        apply_after=row.get("AutoAppliedAfterDate"),
        forced_at=row.get("ForcedApplyDate"),
        applies_at=row.get("CurrentApplyDate"),
        opt_in=row.get("OptInStatus", ""),
    )


def _support(row: Any) -> EngineSupport:
    ends = {
        one["LifecycleSupportName"]: one.get("LifecycleSupportEndDate")
        for one in row.get("SupportedEngineLifecycles", [])
    }
    return EngineSupport(
        engine=row.get("Engine", ""),
        major_version=row.get("MajorEngineVersion", ""),
        standard_ends_at=ends.get(_STANDARD),
        extended_ends_at=ends.get(_EXTENDED),
    )
