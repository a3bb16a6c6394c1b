"""One component for each server of a tier, from its targets, Auto Scaling group and association runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from deployments.core.health import ansible, aws_statuses
from deployments.core.health.aws_statuses import SEVERITY, HealthStatus
from deployments.core.health.components import Assessment, Component, is_stale, unless_stale, worst
from deployments.core.health.facts import AssociationFact, Facts, InstanceFact, RunFact, TargetFact
from deployments.errors import Message
from deployments.message_codes import Code

Run = tuple[AssociationFact, RunFact]


def components(tier: str, facts: Facts, now: datetime) -> tuple[Component, ...]:
    """Return the tier's servers by zone and id, including those that only one source knows."""
    targets: dict[str, list[TargetFact]] = {}
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


def _runs(associations: Iterable[AssociationFact], ids: set[str]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for association in associations:
        for run in association.runs:
            if run.instance_id in ids:
                found.setdefault(run.instance_id, []).append((association, run))
    return found


def _component(
    tier: str,
    key: str,
    targets: list[TargetFact],
    instance: InstanceFact | None,
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
    aspects += [_of_run(run, where) for run in runs]
    return Component(
        kind="server",
        key=key,
        name=key,
        zone=_zone(instance, targets),
        assessment=worst(aspects),
        counts=counts,
        facts=_facts(_worst_target(targets), instance, runs),
    )


def _zone(instance: InstanceFact | None, targets: list[TargetFact]) -> str:
    zones = [instance.zone if instance else "", *(target.zone for target in targets)]
    return next(filter(None, zones), "")


def _worst_target(targets: list[TargetFact]) -> TargetFact | None:
    return max(
        targets, key=lambda one: (SEVERITY[_status(one)], one.target_group_arn, one.port), default=None
    )


def _status(target: TargetFact) -> HealthStatus:
    return aws_statuses.of_target(target.state, target.reason).health


def _of_target(target: TargetFact, where: str, now: datetime) -> Assessment:
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


def _of_run(run: Run, where: str) -> Assessment:
    """Return the assessment of a server's last run: if it failed, the server serves but is degraded."""
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
        status=HealthStatus.DEGRADED, sentence=Message(code, values), at=association.observed_at
    )


def _facts(target: TargetFact | None, instance: InstanceFact | None, runs: list[Run]) -> dict[str, str]:
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
