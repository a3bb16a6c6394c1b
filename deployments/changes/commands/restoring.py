"""Restored data: what a new environment with that of another one begins with, and data at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from deployments.changes.commands.create import prefill
from deployments.changes.shared.restored_data import refuse_outside
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.environments import Environment
from deployments.health.models.database import DatabaseCluster
from deployments.stacks.commands.change_base import base_of
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.template_files.restored_data import RestoredData


def prefill_again(environment: Environment, data: RestoredData) -> dict[str, Any]:
    """Return the form's values to create an environment again with some data.

    They are those of its last good deployment, and its version if that can restore the data, or else the
    current bundled set. {} if it never was complete.
    """
    base = base_of(environment)
    if base is None:
        return {}
    before = stored_sets.find(base.template_digest)
    values = {**prefill(base), "reason": ""}
    if not environment.deleted_at:  # its name is taken
        values["name"] = ""
    if before is None or before.restore.values(data) is None:
        values["version"] = None
    # The data of its own restore, if any, is not the data of the new one.
    own = (*before.restore.names, *before.second.names) if before else ()
    values["parameters"] = {name: value for name, value in values["parameters"].items() if name not in own}
    return values


def restoring(template_set: template_files.TemplateSet, data: RestoredData) -> dict[str, str]:
    """Return the parameters with the data that a database is restored from; {} without any.

    Raise UserFixable if the template set has none for it.
    """
    found = template_set.restore.values(data)
    if found is None:
        code = Code.RESTORE_TIME_NOT_SUPPORTED if data.cluster else Code.RESTORE_NOT_SUPPORTED
        raise UserFixable("RestoreNotSupported", code)
    return found


def data_at(environment: Environment, moment: datetime, cluster_id: str = "") -> RestoredData:
    """Return the data of an environment's database at a time, which is cut to a second.

    `cluster_id` is only needed if it has several clusters. Raise UserFixable if there is no such cluster, or
    it cannot be restored to that time, as far as it was observed.
    """
    rows = DatabaseCluster.objects.filter(environment=environment, environment__deleted_at=None)
    found = [row for row in rows if cluster_id in ("", row.cluster_id)]
    if len(found) != 1:
        raise UserFixable("RestoreClusterUnknown", Code.RESTORE_CLUSTER_UNKNOWN, cluster=cluster_id or "–")
    (row,) = found
    data = RestoredData.of_cluster(row.cluster_id, moment)
    refuse_outside(data, row.earliest_restorable_at, row.latest_restorable_at)
    return data
