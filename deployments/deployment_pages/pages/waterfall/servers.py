"""The rows below an Auto Scaling group: its instances, their association runs, and their target health.

They were observed last, so only the environment's latest deployment has such rows. What was observed after
its end belongs to the environment, not to it: associations run again by their schedule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from deployments.cloudformation.observed_resources import GROUP
from deployments.cloudformation.status import DisplayStatus
from deployments.cloudformation.timeline import in_ms
from deployments.deployment_pages.display.waterfall.bars import Bar
from deployments.deployment_pages.display.waterfall.rows import Row
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.health_status import HealthStatus
from deployments.environments.rules.phases import DELETING, Kind
from deployments.health.models.balancing import Target
from deployments.health.models.configuration import AssociationRun
from deployments.health.models.fleet import FleetInstance, ScalingActivity
from deployments.health.rules.aws_statuses import RUN_ENDED, RUNS, of_instance, of_target
from deployments.stacks.display.paths import join, name_of
from deployments.stacks.display.tree import ResourceTree
from deployments.stacks.rules.progress import turns_back

ACTIVITIES = 60
"""Number of scaling activities that are searched for the launch of an instance."""
_INSTANCE = re.compile(r"\bi-[0-9a-f]{6,}\b")
_STATUSES = {
    HealthStatus.HEALTHY: DisplayStatus.DONE,
    HealthStatus.DEGRADED: DisplayStatus.SETTLING,
    HealthStatus.UNHEALTHY: DisplayStatus.FAILED,
    HealthStatus.UNKNOWN: DisplayStatus.PROGRESS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedServers:
    """The observations of one environment's servers."""

    instances: Sequence[FleetInstance] = ()
    runs: Sequence[AssociationRun] = ()
    targets: Sequence[Target] = ()
    activities: Sequence[ScalingActivity] = ()


def rows_below(deployment: Deployment, tree: ResourceTree) -> dict[str, tuple[Row, ...]]:
    """Return the rows below each group of a deployment (five queries at most, none without a group)."""
    groups = {node.physical_id: path for path, node in tree.nodes.items() if node.type == GROUP}
    groups.pop("", None)
    environment = deployment.environment
    is_latest = environment.latest_id == deployment.pk and environment.deleted_at is None
    kind = Kind(deployment.kind)
    is_creation = kind not in DELETING and not turns_back(kind, tree.root_status, deployment.last_phase)
    if not groups or not is_latest or not is_creation:
        return {}
    end = deployment.ended_at
    observed = ObservedServers(
        instances=[
            one
            for one in FleetInstance.objects.of(environment).present()
            if _is_until(one.first_seen_at, end)
        ],
        runs=_runs(deployment),
        targets=[one for one in Target.objects.of(environment) if _is_until(one.since, end)],
        activities=list(ScalingActivity.objects.newest_of(environment)[:ACTIVITIES]),
    )
    return build_rows(groups, observed, is_active=deployment.is_active)


def _is_until(moment: datetime | None, end: datetime | None) -> bool:
    return moment is None or end is None or moment <= end


def _runs(deployment: Deployment) -> list[AssociationRun]:
    """Return the newest run of each association on each instance, for an ended deployment until its end."""
    runs = AssociationRun.objects.of(deployment.environment).without_output().select_related("association")
    newest, end = list(runs.newest_of_each()), deployment.ended_at
    later = {(one.association_id, one.instance_id) for one in newest if not _is_until(one.at, end)}
    if not later:
        return newest
    own = runs.filter(at__range=(deployment.created_at, end)).order_by("at", "pk")
    found = {(one.association_id, one.instance_id): one for one in own}
    kept = [one for one in newest if (one.association_id, one.instance_id) not in later]
    return kept + [found[pair] for pair in sorted(later & found.keys())]


def build_rows(
    groups: Mapping[str, str], observed: ObservedServers, *, is_active: bool
) -> dict[str, tuple[Row, ...]]:
    """Return the rows below each group, by the group's path. `groups` are names with their paths.

    While a deployment runs, unhealthy rows are waiting, not failed.
    """
    launched = _launches(observed.activities)
    found: dict[str, list[Row]] = {}
    for instance in sorted(observed.instances, key=lambda i: (i.zone, i.instance_id)):
        path = groups.get(instance.group)
        if path is None:
            continue
        at = join(path, instance.instance_id)
        below = [_of_run(at, run) for run in observed.runs if run.instance_id == instance.instance_id]
        below += [
            _of_target(at, target, is_active=is_active)
            for target in observed.targets
            if target.target_id == instance.instance_id
        ]
        rows = found.setdefault(path, [])
        rows.append(
            _of_instance(at, instance, below, launched.get(instance.instance_id), is_active=is_active)
        )
        rows += below
    return {path: tuple(rows) for path, rows in found.items()}


def _launches(activities: Iterable[ScalingActivity]) -> dict[str, ScalingActivity]:
    """Return the activity that launched each instance: its description contains the instance."""
    found: dict[str, ScalingActivity] = {}
    for activity in activities:
        match = _INSTANCE.search(activity.description)
        if match and "aunching" in activity.description:
            found[match.group()] = activity
    return found


def _of_instance(
    path: str,
    instance: FleetInstance,
    below: Sequence[Row],
    launch: ScalingActivity | None,
    *,
    is_active: bool,
) -> Row:
    meaning = of_instance(instance.lifecycle, instance.health)
    state = _STATUSES[meaning.health] if meaning.counts else DisplayStatus.DELETED
    start = launch.started_at if launch else instance.first_seen_at
    end = launch.ended_at if launch else instance.first_seen_at if state is DisplayStatus.DONE else None
    if state is not DisplayStatus.PROGRESS and end is None:
        end = instance.observed_at
    facts = (
        (_("Zone"), instance.zone),
        (_("Type"), instance.instance_type),
        (_("Launch template"), instance.launch_template_version),
        (_("Lifecycle"), instance.lifecycle),
        (_("Health"), instance.health),
    )
    return _row(
        path,
        name=f"{instance.instance_id} · {instance.zone}" if instance.zone else instance.instance_id,
        kind="instance",
        type_=instance.instance_type,
        status=instance.lifecycle,
        state=_displayed(state, is_active=is_active),
        reason="",
        times=(start, end),
        children=tuple(row.id for row in below),
        facts=facts,
    )


def _of_run(above: str, run: AssociationRun) -> Row:
    status = run.status
    state = RUNS[status] if status in RUN_ENDED else DisplayStatus.PROGRESS
    end = run.at if status in RUN_ENDED else None
    start = run.at - timedelta(seconds=run.duration or 0) if run.at else None
    recap = ", ".join(f"{name} {number}" for name, number in run.recap.items() if isinstance(number, int))
    facts = ((_("Execution"), run.execution_id), (_("Task"), run.failed_task), (_("Recap"), recap))
    reason = ": ".join(part for part in (run.failed_task, run.failed_message) if part)
    return _row(
        join(above, str(run.association)),
        name=str(run.association),
        kind="run",
        type_="SSM::Association",
        status=run.detailed_status or status,
        state=state,
        reason=reason,
        times=(start, end),
        facts=facts,
    )


def _of_target(above: str, target: Target, *, is_active: bool) -> Row:
    meaning = of_target(target.state, target.reason)
    state = _STATUSES[meaning.health] if meaning.counts else DisplayStatus.DELETED
    group = target.target_group_arn.rpartition("targetgroup/")[2].partition("/")[0]
    facts = ((_("Target group"), group), (_("Port"), str(target.port)), (_("Reason"), target.reason))
    is_well = state is DisplayStatus.DONE
    return _row(
        join(above, f"{group}:{target.port}"),
        name=f"{group} :{target.port}",
        kind="target",
        type_="ElasticLoadBalancingV2::TargetGroup",
        status=" ".join(part for part in (target.state, target.reason) if part),
        state=_displayed(state, is_active=is_active),
        reason="" if is_well else target.description,
        times=(target.since, target.since if is_well else None),
        facts=facts,
    )


def _displayed(state: DisplayStatus, *, is_active: bool) -> DisplayStatus:
    return DisplayStatus.WAITING if is_active and state is DisplayStatus.FAILED else state


def _row(
    path: str,
    *,
    name: str,
    kind: str,
    type_: str,
    status: str,
    state: DisplayStatus,
    reason: str,
    times: tuple[datetime | None, datetime | None],
    facts: tuple[tuple[Promise, str], ...],
    children: tuple[str, ...] = (),
) -> Row:
    start, end = (in_ms(at) if at else None for at in times)
    if start is not None and end is not None:
        end = max(start, end)
    return Row(
        path=path,
        name=name or name_of(path),
        level=path.count("/") + 2,
        kind=kind,
        type=type_,
        status=status,
        display_status=state,
        reason=reason,
        tier=path.partition("/")[0],
        started=start,
        ended=end,
        bars=(Bar(start, end, state),) if start is not None else (),
        children=children,
        open=state is not DisplayStatus.DONE,
        facts=tuple((what, value) for what, value in facts if value),
    )
