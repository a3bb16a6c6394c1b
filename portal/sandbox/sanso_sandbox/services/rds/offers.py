"""What RDS offers and accepts: available versions, instance classes of the engine, backup periods.

Sources: the Errors sections of CreateDBCluster and CreateDBInstance in
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/ and
https://github.com/terraform-aws-modules/terraform-aws-rds-aurora/issues/345.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from ministack.services import rds

from sanso_sandbox.engine import aws_tables, query
from sanso_sandbox.engine.registry import Action, Answer, Parameters, Refused, here
from sanso_sandbox.services.rds import engine_versions

ZONES: Final = "abc"
"""The last letters of the zones that MiniStack has in each region; every class is in all of them."""
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


def describe_orderable(parameters: Parameters, engine: Action) -> Answer:
    """Return the instance classes of Aurora MySQL's versions; MiniStack has those of other engines."""
    if query.value(parameters, "Engine") != engine_versions.ENGINE:
        return engine(parameters)
    region, wanted = here().region, query.value(parameters, "DBInstanceClass")
    rows = [
        {
            "Engine": engine_versions.ENGINE,
            "EngineVersion": version,
            "DBInstanceClass": name,
            "LicenseModel": "general-public-license",
            "Vpc": True,
        }
        for version in engine_versions.named(parameters)
        for name in sorted(aws_tables.database_classes(engine_versions.ENGINE, region))
        if not wanted or name == wanted
    ]
    zones = "".join(f"<AvailabilityZone><Name>{region}{letter}</Name></AvailabilityZone>" for letter in ZONES)
    return _answer(
        "DescribeOrderableDBInstanceOptions",
        "OrderableDBInstanceOptions",
        "OrderableDBInstanceOption",
        rows,
        f"<AvailabilityZones>{zones}</AvailabilityZones>",
    )


def _answer(
    action: str, members: str, member: str, rows: Sequence[Mapping[str, object]], more: str = ""
) -> Answer:
    listed = "".join(f"<{member}>{query.xml(row)}{more}</{member}>" for row in rows)
    content = f"<{action}Result><{members}>{listed}</{members}></{action}Result>"
    answer: Answer = rds._xml(200, f"{action}Response", content)
    return answer


def require_backup_period(engine: str, days: object) -> None:
    """Raise Refused for a backup retention period that Aurora does not support (API_CreateDBCluster)."""
    if engine.startswith("aurora") and days is not None and not 1 <= int(str(days)) <= LONGEST_BACKUP:
        raise Refused(
            "InvalidParameterValue",
            f"Invalid backup retention period. Retention period must be between 1 and {LONGEST_BACKUP}",
        )
