"""What is restored, and whether the copy is what it has to be, by what RDS says of it."""

from __future__ import annotations

from django.utils import timezone

from deployments.aws.rds import Cluster, DBInstance
from deployments.aws.session import Clients
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.restore_drills.models import CREATING, DELETING, PASSED, RestoreDrill
from deployments.restore_drills.rules.point import AVAILABLE, as_parameters, newest_point
from deployments.restore_drills.steps.outcome import DrillFailed, DrillProgress

_UNUSABLE = ("failed", "inaccessible-encryption-credentials", "incompatible-restore", "storage-full")
"""Statuses from which a restored cluster or instance does not become available by itself.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
"""


def choose(drill: RestoreDrill, clients: Clients) -> DrillProgress:
    """Choose the newest point, and store it with everything that the stack gets. Raise DrillFailed."""
    cluster = _cluster(clients, drill.cluster_id)
    if cluster is None:
        raise DrillFailed(Message(Code.DRILL_CLUSTER_GONE, {"cluster": drill.cluster_id}))
    point = newest_point(cluster, clients.rds.cluster_snapshots([drill.cluster_id]))
    instances = clients.rds.instances([drill.cluster_id])
    if point is None or not instances:
        raise DrillFailed(Message(Code.DRILL_NO_POINT, {"cluster": drill.cluster_id}))
    parameters = as_parameters(cluster, point) | {
        "SubnetGroup": cluster.subnet_group,
        "Vpc": instances[0].vpc_id,
        "Engine": cluster.engine,
        "InstanceClass": instances[0].instance_class,
    }
    values = {
        "state": CREATING,
        "engine_version": cluster.engine_version,
        "snapshot_id": point.snapshot_id,
        "point_at": point.at,
        "chosen_at": timezone.now(),
        "parameters": parameters,
    }
    return DrillProgress(0.0, values)


def check(drill: RestoreDrill, clients: Clients) -> DrillProgress:
    """Pass once the copy and its instance are available. Raise DrillFailed if they never will be.

    Nobody connects to the copy: its tables are not read.
    """
    copy_id = clients.cloudformation.describe_stack(drill.stack_id).outputs["Cluster"]
    cluster, instances = _cluster(clients, copy_id), clients.rds.instances([copy_id])
    found: list[Cluster | DBInstance] = [*([cluster] if cluster else []), *instances]
    for one in found:
        if one.status in _UNUSABLE:
            raise DrillFailed(Message(Code.DRILL_COPY_FAILED, {"status": one.status}))
    if cluster is None or not instances or any(one.status != AVAILABLE for one in found):
        return DrillProgress(drill.environment.account.timings.snapshot)
    values = {"cluster": drill.cluster_id, "version": cluster.engine_version}
    if cluster.engine_version != drill.engine_version:
        values["expected"] = drill.engine_version
        raise DrillFailed(Message(Code.DRILL_OTHER_VERSION, values))
    sentence = Message(Code.DRILL_PASSED, values).as_json()
    passed = {"state": DELETING, "result": PASSED, "sentence": sentence, "ready_at": timezone.now()}
    return DrillProgress(0.0, passed)


def _cluster(clients: Clients, cluster_id: str) -> Cluster | None:
    return next(iter(clients.rds.clusters([cluster_id])), None)
