"""What RDS offers in a region: versions of an engine, and the zones of an instance class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployments.aws.error_mapping import calling

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

AVAILABLE = "available"


def has_version(client: RDSClient, engine: str, version: str) -> bool:
    """Return whether new databases can have a version; deprecated ones are not listed."""
    with calling("rds:DescribeDBEngineVersions"):
        rows = client.describe_db_engine_versions(Engine=engine, EngineVersion=version)["DBEngineVersions"]
    return any(row.get("Status", AVAILABLE) == AVAILABLE for row in rows)


def zones_of_class(client: RDSClient, engine: str, version: str, instance_class: str) -> list[str]:
    """Return the zones with an instance class for a version, in order; none if it is not offered."""
    pages = client.get_paginator("describe_orderable_db_instance_options").paginate(
        Engine=engine, EngineVersion=version, DBInstanceClass=instance_class, Vpc=True
    )
    with calling("rds:DescribeOrderableDBInstanceOptions"):
        rows = [row for page in pages for row in page.get("OrderableDBInstanceOptions", [])]
    return sorted({zone["Name"] for row in rows for zone in row.get("AvailabilityZones", [])})
