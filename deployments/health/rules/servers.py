"""One component for each server of a tier, from its targets, Auto Scaling group and association runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.rules.health_status import SEVERITY, HealthStatus
from deployments.health.rules import ansible, aws_statuses, missing_paths
from deployments.health.rules.components import Assessment, Component, is_stale, unless_stale, worst
from deployments.health.rules.observations import (
    Observations,
    ObservedAssociation,
    ObservedInstance,
    ObservedRun,
    ObservedTarget,
)

Run = tuple[ObservedAssociation, ObservedRun]


def components(tier: str, facts: Observations, now: datetime) -> tuple[Component, ...]:
    """Return the tier's servers by zone and id, including those that only one source knows."""
    targets: dict[str, list[ObservedTarget]] = {}
    for target in facts.targets:
        if target.tier == tier:
            targets.setdefault(target.target_id, []).append(target)
    instances = {row.instance_id: row for row in facts.instances if row.tier == tier}
    runs = _runs(facts.associations, {*targets, *instances})
    balanced = tier in facts.parts.target_groups.values() or bool(targets)
    found = [
        _component(tier, key, targets.get(key, []), instances.get(key), runs.get(key, []), balanced, now)
        for key in {*targets, *instances}
    ]
    return tuple(sorted(found, key=lambda one: (one.zone, one.key)))


def _runs(associations: Iterable[ObservedAssociation], ids: set[str]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for association in associations:
        for run in association.runs:
            if run.instance_id in ids:
                found.setdefault(run.instance_id, []).append((association, run))
    return found


def _component(
    tier: str,
    key: str,
    targets: list[ObservedTarget],
    instance: ObservedInstance | None,
    runs: list[Run],
    balanced: bool,
    now: datetime,
) -> Component:
    where = f"{tier} {key}"
    own = [_of_target(target, where, now) for target in targets]
    leaving = [aws_statuses.of_target(target.state, target.reason).counts for target in targets]
    counts = any(leaving) if targets else True
    aspects = [one for one, counted in zip(own, leaving, strict=True) if counted or not counts]
    if instance is not None:
        meaning = aws_statuses.of_instance(instance.lifecycle, instance.health)
        counts = counts and meaning.counts
        sentence = meaning.message(where, instance.lifecycle)
        assessment = Assessment(status=meaning.health, sentence=sentence, at=instance.observed_at)
        aspects += _if_it_adds(assessment, own, now, where)
    if balanced and not targets:
        missing = Message(Code.SERVER_NOT_REGISTERED, {"where": where})
        aspects.append(Assessment(status=HealthStatus.UNKNOWN, sentence=missing))
    way = next((one.missing_path for one in targets if _is_way(one.missing_path)), None)
    aspects += [_of_run(run, where, way) for run in runs]
    return Component(
        kind="server",
        key=key,
        name=key,
        zone=_zone(instance, targets),
        assessment=worst(aspects),
        counts=counts,
        facts=_facts(_worst_target(targets), instance, runs),
    )


def _zone(instance: ObservedInstance | None, targets: list[ObservedTarget]) -> str:
    zones = [instance.zone if instance else "", *(target.zone for target in targets)]
    return next(filter(None, zones), "")


def _worst_target(targets: list[ObservedTarget]) -> ObservedTarget | None:
    return max(
        targets, key=lambda one: (SEVERITY[_status(one)], one.target_group_arn, one.port), default=None
    )


def _status(target: ObservedTarget) -> HealthStatus:
    return aws_statuses.of_target(target.state, target.reason).health


def _of_target(target: ObservedTarget, where: str, now: datetime) -> Assessment:
    meaning = aws_statuses.of_target(target.state, target.reason)
    sentence = aws_statuses.reason_of_target(target, where)
    return unless_stale(
        Assessment(status=meaning.health, sentence=sentence, at=target.observed_at), now, where
    )


def _if_it_adds(assessment: Assessment, own: list[Assessment], now: datetime, where: str) -> list[Assessment]:
    """Return the group's assessment of a server unless it is out of date and the load balancer has one."""
    if own and is_stale(assessment.at, now):
        return []
    return [unless_stale(assessment, now, where)]


def _is_way(missing: Message | None) -> bool:
    return missing is not None and missing.code in missing_paths.WAYS


def _of_run(run: Run, where: str, way: Message | None) -> Assessment:
    """Return the assessment of a server's last run: if it failed, the server serves but is degraded.

    Args:
        way: the rule or route that the server lacks on its way to AWS's services, if there is one.
    """
    association, last = run
    name = association.name or association.document or association.association_id
    if last.status not in aws_statuses.RUN_FAILED:
        return Assessment(status=HealthStatus.HEALTHY, at=association.observed_at)
    values = {"where": where, "name": name}
    reason = ansible.reason(last.failed_message)
    if last.failed_task:
        values["task"] = last.failed_task
        code = Code.SERVER_TASK_FAILED_BECAUSE if reason else Code.SERVER_TASK_FAILED
    else:
        values["code"] = last.detailed_status or last.status
        code = Code.SERVER_NOT_CONFIGURED_BECAUSE if reason else Code.SERVER_NOT_CONFIGURED
    if reason:
        values["reason"] = reason
    return Assessment(
        status=HealthStatus.DEGRADED, sentence=way or Message(code, values), at=association.observed_at
    )


def _facts(
    target: ObservedTarget | None, instance: ObservedInstance | None, runs: list[Run]
) -> dict[str, str]:
    facts: dict[str, str] = {}
    if target:
        facts |= {"state": target.state, "reason": target.reason, "description": target.description}
    if instance:
        facts |= {
            "lifecycle": instance.lifecycle,
            "health": instance.health,
            "launch_template_version": instance.launch_template_version,
            "instance_type": instance.instance_type,
        }
    if runs:
        last = min(runs, key=lambda run: (run[1].status in aws_statuses.RUN_SUCCEEDED, run[0].association_id))
        facts["association"] = last[1].status
    return facts
