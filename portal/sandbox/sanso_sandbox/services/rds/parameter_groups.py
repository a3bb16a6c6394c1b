"""Cluster parameter groups: the parameters of a new cluster, for which its group may be too new.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBClusterParameterGroup.html: "wait at
least 5 minutes before creating your first DB cluster that uses that DB cluster parameter group as the default
parameter group", above all for the character set of the default database.
"""

import functools
from typing import Any, Final

from ministack.services import rds

from sanso_sandbox.engine import readings
from sanso_sandbox.engine.registry import Action, Answer, Created, Parameters, Properties, Record, handler
from sanso_sandbox.engine.time_scale import Moment

TYPE: Final = "AWS::RDS::DBClusterParameterGroup"
TOO_NEW: Final = 300.0  # AWS's seconds
OF_THE_DEFAULT_DATABASE: Final = ("character_set_", "collation_")


def install() -> None:
    """Record the creation of groups, by templates and by the API."""
    found = handler(TYPE)
    create = found["create"]

    @functools.wraps(create)  # its module too, which marks it as not blocking
    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        made: Created = create(logical_id, properties, stack)
        _note(made[0])
        return made

    found["create"] = created
    rds._ACTION_MAP["CreateDBClusterParameterGroup"] = _noting(
        rds._ACTION_MAP["CreateDBClusterParameterGroup"]
    )


def _noting(action: Action) -> Action:
    def called(parameters: Parameters) -> Answer:
        answer = action(parameters)
        if answer[0] == 200:
            _note(str(rds._p(parameters, "DBClusterParameterGroupName")))
        return answer

    return called


def _note(name: str) -> None:
    group: Any = rds._db_cluster_param_groups.get(name)
    if group is not None:
        group["_created_at"] = Moment()


def effective(name: str | None) -> dict[str, str]:
    """Return the parameters of a new cluster with the group."""
    group: Record = rds._db_cluster_param_groups.get(name or "") or {}
    found = {key: str(row["ParameterValue"]) for key, row in (group.get("Parameters") or {}).items()}
    created_at: Moment | None = group.get("_created_at")
    too_new = created_at is not None and not created_at.is_past(TOO_NEW)
    if too_new and readings.strict("new_parameter_groups_are_ignored"):
        return {key: part for key, part in found.items() if not key.startswith(OF_THE_DEFAULT_DATABASE)}
    return found
