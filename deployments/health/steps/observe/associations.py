"""The source `associations`: State Manager associations, their executions, and the results on instances."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from deployments.aws.ssm import Association, Execution, ExecutionTarget
from deployments.health.models.configuration import Association as AssociationRow
from deployments.health.models.configuration import AssociationRun
from deployments.health.models.fleet import FleetInstance
from deployments.health.rules.aws_statuses import RUN_ENDED
from deployments.health.steps.observe import outputs
from deployments.health.steps.observe.poll_round import ObservedEnvironment, PollRound
from deployments.health.steps.observe.rows import sync

EXECUTIONS_READ = 5
EXECUTIONS_KEPT = 10


class Associations:
    """Poll associations; read their executions only after a change."""

    source = "associations"

    def poll_many(self, polls: PollRound, observed: Sequence[ObservedEnvironment]) -> None:
        """Do nothing: only DescribeAssociation returns the output location, one association per call."""

    def poll_one(self, polls: PollRound, one: ObservedEnvironment) -> None:
        """Poll the environment's associations, the runs of those that changed, and missing outputs."""
        ids = list(one.parts.associations)
        for association_id in list(ids):
            found = polls.call([one], partial(polls.clients.ssm.associations, [association_id]))
            if found:
                if _write(polls, one, found[0]):
                    _read_runs(polls, one, found[0])
            elif found is not None:
                ids.remove(association_id)  # deleted outside of CloudFormation
        if (
            one.environment.active_deployment is None
        ):  # during a rollback, its deleted associations explain it
            gone = AssociationRow.objects.of(one.environment).exclude(association_id__in=ids)
            one.changed |= bool(gone.delete()[0])
        one.changed |= outputs.read(polls, one)


def _write(polls: PollRound, one: ObservedEnvironment, found: Association) -> bool:
    """Write the association's row. Return whether its runs have to be read."""
    rows = AssociationRow.objects.of(one.environment).filter(association_id=found.association_id)
    wanted: dict[tuple[Any, ...], dict[str, Any]] = {
        (found.association_id,): {
            "tier": one.parts.associations[found.association_id],
            "name": found.name,
            "document": found.document,
            "status": found.status,
            "detailed_status": found.detailed_status,
            "executed_at": found.last_execution_at,
            "counts": dict(found.counts),
            "output_bucket": found.output_bucket,
            "output_prefix": found.output_prefix,
        }
    }
    new = {"environment": one.environment, "observed_at": polls.now}
    changed, _ = sync(rows, ("association_id",), wanted, polls.now, new=new)
    one.changed |= changed
    return changed or _is_open(found)


def _is_open(found: Association) -> bool:
    """Return whether a run is in progress, or one has ended whose result could not be read."""
    if found.last_execution_at and AssociationRow.objects.unread(found.association_id):
        return True
    runs = AssociationRun.objects.filter(association__association_id=found.association_id).newest_of_each()
    statuses = list(runs.values_list("status", flat=True))
    counted = sum(found.counts.values())
    return len(statuses) < counted or any(status not in RUN_ENDED for status in statuses)


def _read_runs(polls: PollRound, one: ObservedEnvironment, found: Association) -> None:
    """Read the latest execution, and earlier ones that may still be in progress."""
    row = AssociationRow.objects.get(environment=one.environment, association_id=found.association_id)
    read = partial(polls.clients.ssm.executions, found.association_id, EXECUTIONS_READ)
    executions = polls.call([one], read)
    if executions is None:  # denied: read it as soon as access is granted, also without a change
        AssociationRow.objects.filter(pk=row.pk).update(execution_id="")
        return
    ended = _ended(row)
    for number, execution in enumerate(executions):
        if number and execution.execution_id in ended:
            continue
        targets = polls.call(
            [one],
            partial(
                polls.clients.ssm.execution_targets,
                found.association_id,
                execution.execution_id,
                found.output_bucket,
                found.output_prefix,
            ),
        )
        if targets is None:
            AssociationRow.objects.filter(pk=row.pk).update(execution_id="")
            return
        one.changed |= _write_runs(polls, row, execution, targets)
    if executions and row.execution_id != executions[0].execution_id:
        AssociationRow.objects.filter(pk=row.pk).update(execution_id=executions[0].execution_id)
    _mark_latest(row)


def _ended(row: AssociationRow) -> set[str]:
    """Return the stored executions that have ended on all instances."""
    runs = row.runs.values_list("execution_id", "status")
    open_ones = {execution_id for execution_id, status in runs if status not in RUN_ENDED}
    return {execution_id for execution_id, _ in runs} - open_ones


def _write_runs(
    polls: PollRound, row: AssociationRow, execution: Execution, targets: Sequence[ExecutionTarget]
) -> bool:
    wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
    for target in targets:
        ended = target.status in RUN_ENDED and target.at is not None
        seconds = (target.at - execution.created_at).total_seconds() if ended and target.at else None
        wanted[execution.execution_id, target.instance_id] = {
            "status": target.status,
            "detailed_status": target.detailed_status,
            "at": target.at or execution.created_at,
            "duration": max(0.0, seconds) if seconds is not None else None,
            "output_bucket": target.output_bucket,
            "output_key": target.output_key,
        }
    rows = row.runs.filter(execution_id=execution.execution_id).without_output()
    changed, _ = sync(
        rows, ("execution_id", "instance_id"), wanted, polls.now, new={"association": row, "is_latest": False}
    )
    return changed


def _mark_latest(row: AssociationRow) -> None:
    """Mark the last run of each existing instance, and delete old executions."""
    gone = FleetInstance.objects.filter(environment=row.environment_id).exclude(gone_at=None)
    runs = list(row.runs.order_by("at", "pk").values_list("pk", "instance_id", "execution_id", "is_latest"))
    left = set(gone.values_list("instance_id", flat=True))
    latest = {instance_id: pk for pk, instance_id, _, _ in runs if instance_id not in left}
    marked = {pk for pk, _, _, is_latest in runs if is_latest}
    row.runs.filter(pk__in=marked - set(latest.values())).update(is_latest=False)
    row.runs.filter(pk__in=set(latest.values()) - marked).update(is_latest=True)
    kept = list(dict.fromkeys(execution_id for _, _, execution_id, _ in reversed(runs)))[:EXECUTIONS_KEPT]
    row.runs.filter(is_latest=False).exclude(execution_id__in=kept).delete()
