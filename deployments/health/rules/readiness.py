"""Compute whether an environment is ready and, if not, which conditions are open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.rules.aws_error_codes import needs_access
from deployments.health.rules import ansible, aws_statuses
from deployments.health.rules.observations import (
    LastPoll,
    Observations,
    ObservedAssociation,
    ObservedInstance,
    ObservedRun,
    ObservedTarget,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """The conditions that are met, those that the deployment waits for, and those that have failed.

    `configured`: every association succeeded on every instance. `serving`: every target is healthy.
    `answered`: a site check succeeded. `failed` is the part of `waiting_for` that needs an action,
    `failed_at` is when the last of it failed.
    """

    configured: bool
    serving: bool
    answered: bool
    waiting_for: tuple[Message, ...] = ()
    failed: tuple[Message, ...] = ()
    failed_at: datetime | None = None

    @property
    def ready(self) -> bool:
        """Return whether all conditions are met."""
        return self.configured and self.serving and self.answered


@dataclass(frozen=True, slots=True)
class _Unmet:
    """A condition that is not met; `failed_at` is set if it has failed and needs an action."""

    sentence: Message
    failed_at: datetime | None = None


def readiness(facts: Observations, since: datetime | None = None) -> Readiness:
    """Return the readiness of an environment.

    Observations before `since` do not count: they may be older than the deployment's changes. There are no
    conditions for parts that the templates do not have.
    """
    fresh = _FactsSince(facts, since)
    associations = sorted(facts.parts.associations.items())
    unmet = [one for key, tier in associations for one in fresh.association(key, tier)]
    traffic = [s for arn, tier in sorted(facts.parts.target_groups.items()) for s in fresh.targets(arn, tier)]
    site = list(fresh.site())
    failed = [one for one in unmet if one.failed_at]
    return Readiness(
        configured=not unmet,
        serving=not traffic,
        answered=not site,
        waiting_for=(
            *(one.sentence for one in failed),
            *(one.sentence for one in unmet if not one.failed_at),
            *traffic,
            *site,
        ),
        failed=tuple(one.sentence for one in failed),
        failed_at=max((one.failed_at for one in failed if one.failed_at), default=None),
    )


def was_polled(facts: Observations, since: datetime) -> bool:
    """Return whether every source of the readiness was polled since `since`, successfully or not."""
    return all(_attempted(facts.sources.get(source), since) for source in _needed(facts))


def denied_read(facts: Observations, since: datetime) -> Message | None:
    """Return the problem of the first source of the readiness that AWS has not let be read since `since`.

    Without outputs in S3 the readiness is known all the same: they only explain failures.
    """
    for source in _needed(facts):
        row = facts.sources.get(source)
        if row is None or row.problem is None or not _attempted(row, since):
            continue
        if needs_access(row.problem_code) and not row.problem.params.get("action", "").startswith("s3:"):
            return row.problem
    return None


def _needed(facts: Observations) -> list[str]:
    """Return the sources that the readiness of these parts depends on."""
    parts = {
        "associations": facts.parts.associations,
        "targets": facts.parts.target_groups,
        "fleet": facts.parts.groups,
    }
    return [source for source, found in parts.items() if found]


def _attempted(row: LastPoll | None, since: datetime) -> bool:
    return row is not None and row.attempted_at is not None and row.attempted_at >= since


def has_site(facts: Observations) -> bool:
    """Return whether there is a load balancer for site checks."""
    balanced = "alb" in facts.parts.load_balancers.values() and bool(facts.parts.target_groups)
    return balanced and facts.serves


class _FactsSince:
    """The facts since a time, and the unmet conditions."""

    def __init__(self, facts: Observations, since: datetime | None) -> None:
        self._since = since
        self._associations = {
            row.association_id: row for row in facts.associations if self._counts(row.observed_at)
        }
        self._targets = [row for row in facts.targets if self._counts(row.observed_at)]
        self._instances = [row for row in facts.instances if self._counts(row.observed_at)]
        self._groups = [row for row in facts.groups if self._counts(row.observed_at)]
        self._names = {row.association_id: row.name or row.document for row in facts.associations}
        self._facts = facts

    def _counts(self, at: datetime | None) -> bool:
        return at is not None and (self._since is None or at >= self._since)

    def _seen(self, source: str) -> bool:
        row = self._facts.sources.get(source)
        return row is not None and self._counts(row.observed_at)

    def association(self, association_id: str, tier: str) -> Iterator[_Unmet]:
        """Yield the unmet conditions of an association on its instances."""
        row = self._associations.get(association_id)
        if row is None or not self._knows_instances(tier):
            where = self._names.get(association_id) or tier or association_id
            yield _Unmet(Message(Code.ASSOCIATION_NOT_POLLED, {"where": where}))
            return
        present = [one for one in self._instances if tier and one.tier == tier and _stays(one)]
        missing = self._desired(tier) - len(present)
        if missing > 0:
            values = {"count": str(missing), "name": _name(row)}
            yield _Unmet(Message(Code.ASSOCIATION_WAITS_FOR_INSTANCES, values))
        if present:
            yield from _of_runs(row, sorted(one.instance_id for one in present))
        elif missing <= 0 and row.status not in aws_statuses.RUN_SUCCEEDED:
            yield _of_association(row)

    def _has_group(self, tier: str) -> bool:
        return tier in self._facts.parts.groups.values()

    def _knows_instances(self, tier: str) -> bool:
        return not tier or not self._has_group(tier) or self._seen("fleet")

    def _desired(self, tier: str) -> int:
        """Return the desired capacity of the groups of a tier; 0 without a tier."""
        return sum(group.desired for group in self._groups if tier and group.tier == tier)

    def targets(self, arn: str, tier: str) -> Iterator[Message]:
        """Yield the unmet conditions of the targets of a group."""
        if not self._seen("targets") or not self._knows_instances(tier):
            yield Message(Code.TARGETS_NOT_POLLED, {"where": tier})
            return
        rows = [row for row in self._targets if row.target_group_arn == arn]
        counted = [row for row in rows if aws_statuses.of_target(row.state, row.reason).counts]
        for row in sorted(counted, key=lambda one: (one.target_id, one.port)):
            if row.state != "healthy":
                yield _of_target(row)
        missing = self._desired(tier) - len({row.target_id for row in counted})
        if missing > 0:
            values = {"count": str(missing), "where": tier}
            yield Message(Code.SERVERS_NOT_REGISTERED, values)

    def site(self) -> Iterator[Message]:
        """Yield the condition of a pending site check, if there is one."""
        if not has_site(self._facts):
            return
        probe = self._facts.probe
        if probe is None or not self._counts(probe.at) or not (probe.wrote and probe.read):
            yield Message(Code.SITE_CHECK_PENDING)


def _stays(instance: ObservedInstance) -> bool:
    return aws_statuses.of_instance(instance.lifecycle, instance.health).counts


def _name(row: ObservedAssociation) -> str:
    return row.name or row.document or row.association_id


def _of_association(row: ObservedAssociation) -> _Unmet:
    """Return the condition of an association without known instances."""
    values = {"name": _name(row), "code": row.detailed_status or row.status or "Pending"}
    has_failed = row.status in aws_statuses.RUN_FAILED
    failed_at = (row.executed_at or row.observed_at) if has_failed else None
    return _Unmet(Message(Code.ASSOCIATION_NOT_SUCCEEDED, values), failed_at)


def _of_runs(row: ObservedAssociation, instance_ids: Iterable[str]) -> Iterator[_Unmet]:
    """Yield the unmet conditions of an association for each of these instances."""
    runs = {run.instance_id: run for run in row.runs}
    for instance_id in instance_ids:
        run = runs.get(instance_id)
        if run is None or run.status not in aws_statuses.RUN_SUCCEEDED:
            yield _of_run(_name(row), instance_id, run, row.observed_at)


def _of_run(name: str, instance_id: str, run: ObservedRun | None, now: datetime) -> _Unmet:
    values = {"name": name, "instance": instance_id, "code": run.status if run else ""}
    if run is None:
        return _Unmet(Message(Code.RUN_NOT_STARTED, values))
    if run.status not in aws_statuses.RUN_FAILED:
        return _Unmet(Message(Code.RUN_NOT_FINISHED, values))
    reason = ansible.reason(run.failed_message)
    if reason:
        values["reason"] = reason
    if not run.failed_task:
        code = Code.RUN_FAILED_BECAUSE if reason else Code.RUN_FAILED
        return _Unmet(Message(code, values), run.at or now)
    values["task"] = run.failed_task
    code = Code.RUN_TASK_FAILED_BECAUSE if reason else Code.RUN_TASK_FAILED
    return _Unmet(Message(code, values), run.at or now)


def _of_target(row: ObservedTarget) -> Message:
    where = f"{row.tier} {row.target_id}"
    return aws_statuses.reason_of_target(row, where) or Message(
        Code.TARGET_NOT_HEALTHY, {"where": where, "code": row.state}
    )
