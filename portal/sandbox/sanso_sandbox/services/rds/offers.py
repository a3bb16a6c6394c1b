"""The settings that RDS accepts: available versions, instance classes of the engine, backup periods.

Sources: the Errors sections of CreateDBCluster and CreateDBInstance in
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/ and
https://github.com/terraform-aws-modules/terraform-aws-rds-aurora/issues/345.
"""

from typing import Final

from sanso_sandbox.engine import aws_tables
from sanso_sandbox.engine.registry import Refused, here

LONGEST_BACKUP: Final = 35  # days


def require_version(engine: str, version: str) -> None:
    """Raise Refused if a version of an engine can no longer be created, or does not exist."""
    offered = aws_tables.engine_versions(engine)
    if offered and version and version not in offered:
        raise Refused("InvalidParameterCombination", f"Cannot find version {version} for {engine}")


def require_class(engine: str, version: str, instance_class: str) -> None:
    """Raise Refused if instances of a class cannot run the engine in this region."""
    offered = aws_tables.database_classes(engine, here().region)
    if offered and instance_class not in offered:
        raise Refused(
            "InvalidParameterCombination",
            "RDS does not support creating a DB instance with the following combination: "
            f"DBInstanceClass={instance_class}, Engine={engine}, EngineVersion={version}, "
            "LicenseModel=general-public-license. For supported combinations of instance class and database "
            "engine version, see the documentation.",
        )


def require_backup_period(engine: str, days: object) -> None:
    """Raise Refused for a backup retention period that Aurora does not support (API_CreateDBCluster)."""
    if engine.startswith("aurora") and days is not None and not 1 <= int(str(days)) <= LONGEST_BACKUP:
        raise Refused(
            "InvalidParameterValue",
            f"Invalid backup retention period. Retention period must be between 1 and {LONGEST_BACKUP}",
        )
