"""RDS accepts subnet groups in a single zone (MiniStack 1.5.33).

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html
"""

import functools
from collections.abc import Iterable

from ministack.services import ec2, rds

from sanso_sandbox.engine import query
from sanso_sandbox.engine.registry import (
    Action,
    Answer,
    Created,
    Parameters,
    Properties,
    Refused,
    handler,
)


def install() -> None:
    """Install the check of zones before subnet groups are created or changed, by templates and by the API."""
    group = handler("AWS::RDS::DBSubnetGroup")
    create, update = group["create"], group["update"]

    @functools.wraps(create)  # its module too, which marks it as not blocking
    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        _require_zones(properties.get("SubnetIds") or ())
        made: Created = create(logical_id, properties, stack)
        return made

    @functools.wraps(update)  # its module too, which marks it as not blocking
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
