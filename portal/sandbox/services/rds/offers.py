"""What RDS accepts: versions that are still offered, classes of the engine, backup periods, two zones.

Sources: the Errors sections of CreateDBCluster, CreateDBInstance and CreateDBSubnetGroup in
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/ and
https://github.com/terraform-aws-modules/terraform-aws-rds-aurora/issues/345.
"""

import functools
from collections.abc import Iterable
from typing import Final

from ministack.services import ec2, rds

from portal.sandbox.engine import aws_tables, query
from portal.sandbox.engine.registry import (
    Action,
    Answer,
    Created,
    Parameters,
    Properties,
    Refused,
    handler,
    here,
)

SUBNET_GROUP: Final = "AWS::RDS::DBSubnetGroup"
LONGEST_BACKUP: Final = 35  # days


def install() -> None:
    """Put the check of zones in front of the subnet groups, however they are made."""
    group = handler(SUBNET_GROUP)
    create, update = group["create"], group["update"]

    @functools.wraps(create)  # also its module: it does not block
    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        _require_zones(properties.get("SubnetIds") or ())
        made: Created = create(logical_id, properties, stack)
        return made

    @functools.wraps(update)  # also its module: it does not block
    def updated(physical_id: str, old: Properties, new: Properties, *rest: str) -> Created:
        _require_zones(new.get("SubnetIds") or ())
        made: Created = update(physical_id, old, new, *rest)
        return made

    group.update(create=created, update=updated)
    for name in ("CreateDBSubnetGroup", "ModifyDBSubnetGroup"):
        rds._ACTION_MAP[name] = _checked(rds._ACTION_MAP[name])


def _checked(action: Action) -> Action:
    def checked(parameters: Parameters) -> Answer:
        try:
            _require_zones(
                query.members(parameters, "SubnetIds") or rds._parse_member_list(parameters, "SubnetIds")
            )
        except Refused as refused:
            answer: Answer = rds._error(refused.code, query.xml(str(refused)), 400)
            return answer
        return action(parameters)

    return checked


def _require_zones(subnets: Iterable[str]) -> None:
    zones = {str(ec2._subnets[subnet]["AvailabilityZone"]) for subnet in subnets if subnet in ec2._subnets}
    if len(zones) == 1:
        raise Refused(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ "
            f"coverage: {', '.join(sorted(zones))}. Add subnets to cover at least 2 AZs.",
        )


def require_version(engine: str, version: str) -> None:
    """Raise Refused when a version of an engine cannot be created any more, or never could."""
    offered = aws_tables.engine_versions(engine)
    if offered and version and version not in offered:
        raise Refused("InvalidParameterCombination", f"Cannot find version {version} for {engine}")


def require_class(engine: str, version: str, instance_class: str) -> None:
    """Raise Refused when instances of a class cannot run the engine in this region."""
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
    """Raise Refused for a period of automatic backups that Aurora does not have (API_CreateDBCluster)."""
    if engine.startswith("aurora") and days is not None and not 1 <= int(str(days)) <= LONGEST_BACKUP:
        raise Refused(
            "InvalidParameterValue",
            f"Invalid backup retention period. Retention period must be between 1 and {LONGEST_BACKUP}",
        )
