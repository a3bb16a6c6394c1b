"""Pending maintenance: announced by the control API, listed and applied by RDS's actions.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ApplyPendingMaintenanceAction.html
Nothing is announced or applied by time: what nobody announces would restart databases of a quiet sandbox.
"""

import time
from collections.abc import Iterator
from typing import Final

from ministack.services import rds

from sanso_sandbox.engine import query
from sanso_sandbox.engine.registry import Action, Answer, Parameters, Record, Refused
from sanso_sandbox.services.rds import instances, pages

FILTERS: Final = {"db-cluster-id": "DBClusterArn", "db-instance-id": "DBInstanceArn"}
ACTION: Final = "os-upgrade"
DESCRIPTION: Final = "New Operating System update is available"
OPT_INS: Final = ("immediate", "next-maintenance", "undo-opt-in")
DAY: Final = 86_400.0
WINDOW_AFTER, FORCED_AFTER = 7 * DAY, 30 * DAY  # from the announcement
_KEY: Final = "_PendingMaintenance"


def announce(cluster_id: str) -> None:
    """Announce an update of the operating system of a cluster's instances. Raises ValueError without one."""
    members = [one for one in rds._instances.values() if one["DBClusterIdentifier"] == cluster_id]
    if not members:
        raise ValueError(f"{cluster_id} has no instances")
    for instance in members:
        instance[_KEY] = {ACTION: {"announced": time.time(), "opt_in": ""}}


def describe(parameters: Parameters, _engine: Action) -> Answer:
    """Return a page of the resources that have pending actions and match the ARN and the filters."""
    wanted: dict[str, list[str]] = rds._parse_filters(parameters)
    for name in wanted:
        if name not in FILTERS:
            raise Refused("InvalidParameterValue", f"Unrecognized filter name: {name}")
    arn = query.value(parameters, "ResourceIdentifier")
    if arn:
        _find(arn)
    rows = [one for one in _resources() if one.get(_KEY) and arn in ("", _arn(one)) and _matches(one, wanted)]
    page, marker = pages.page(parameters, rows, _arn)
    members = "".join(map(_resource_xml, page))
    return _answer(
        "DescribePendingMaintenanceActions",
        f"<PendingMaintenanceActions>{members}</PendingMaintenanceActions>{marker}",
    )


def apply(parameters: Parameters, _engine: Action) -> Answer:
    """Apply one at once, which restarts the instance, or request it for the next window, or undo that."""
    arn, action, opt_in = (
        query.value(parameters, name) for name in ("ResourceIdentifier", "ApplyAction", "OptInType")
    )
    resource = _find(arn)
    if opt_in not in OPT_INS:
        raise Refused("InvalidParameterValue", f"Invalid value {opt_in} for OptInType.")
    if action not in resource.get(_KEY, {}):
        raise Refused("ResourceNotFoundFault", f"No pending maintenance action {action} for {arn}.")
    if opt_in == "immediate":
        instances.restart(resource["DBInstanceIdentifier"])
        del resource[_KEY][action]
    else:
        resource[_KEY][action]["opt_in"] = "" if opt_in == "undo-opt-in" else opt_in
    return _answer("ApplyPendingMaintenanceAction", _resource_xml(resource))


def _resources() -> Iterator[Record]:
    yield from rds._clusters.values()
    yield from rds._instances.values()


def _find(arn: str) -> Record:
    found = next((one for one in _resources() if _arn(one) == arn), None)
    if found is None:
        raise Refused("ResourceNotFoundFault", f"The specified resource {arn} could not be found.")
    return found


def _arn(resource: Record) -> str:
    is_instance = "DBInstanceIdentifier" in resource
    return str(resource["DBInstanceArn" if is_instance else "DBClusterArn"])


def _matches(resource: Record, wanted: dict[str, list[str]]) -> bool:
    """Return whether a resource matches each filter, by its identifier or ARN."""
    arns = {name: str(resource.get(FILTERS[name], "")) for name in wanted}
    return all({arns[name], arns[name].rpartition(":")[2]}.intersection(wanted[name]) for name in wanted)


def _resource_xml(resource: Record) -> str:
    details = "".join(
        f"<PendingMaintenanceAction>{_action_xml(name, one)}</PendingMaintenanceAction>"
        for name, one in resource.get(_KEY, {}).items()
    )
    return (
        f"<ResourcePendingMaintenanceActions><ResourceIdentifier>{query.xml(_arn(resource))}"
        f"</ResourceIdentifier><PendingMaintenanceActionDetails>{details}</PendingMaintenanceActionDetails>"
        "</ResourcePendingMaintenanceActions>"
    )


def _action_xml(name: str, action: Record) -> str:
    after, forced = (
        rds._format_time(action["announced"] + seconds) for seconds in (WINDOW_AFTER, FORCED_AFTER)
    )
    opt_in = f"<OptInStatus>{action['opt_in']}</OptInStatus>" if action["opt_in"] else ""
    return (
        f"<Action>{name}</Action><AutoAppliedAfterDate>{after}</AutoAppliedAfterDate>"
        f"<ForcedApplyDate>{forced}</ForcedApplyDate><CurrentApplyDate>{after}</CurrentApplyDate>"
        f"<Description>{DESCRIPTION}</Description>{opt_in}"
    )


def _answer(action: str, content: str) -> Answer:
    answer: Answer = rds._xml(200, f"{action}Response", f"<{action}Result>{content}</{action}Result>")
    return answer
