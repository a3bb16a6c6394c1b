"""Is the environment ready, and if not, what is waited for (DESIGN section 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from deployments.core.health import words
from deployments.core.health.facts import AssociationFact, Facts, InstanceFact, TargetFact
from deployments.core.health.words import Word
from deployments.errors import N_, Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What is done, what is waited for, and what has failed meanwhile, in words.

    `configured`: every association succeeded on every instance. `serving`: every target is healthy.
    `answered`: datelog answered a write and a read through the load balancer.
    """

    configured: bool
    serving: bool
    answered: bool
    waiting_for: tuple[Sentence, ...] = ()
    failed: tuple[Sentence, ...] = ()

    @property
    def ready(self) -> bool:
        """Tell whether nothing is waited for."""
        return self.configured and self.serving and self.answered


def readiness(facts: Facts, since: datetime | None = None) -> Readiness:
    """Return how far the environment is.

    What was observed before `since` does not count: it may be of the time before what is waited for. What
    the templates do not have is not waited for.
    """
    fresh = _Fresh(facts, since)
    configuration: list[Sentence] = []
    failed: list[Sentence] = []
    for association_id, tier in sorted(facts.parts.associations.items()):
        for sentence, is_failure in fresh.association(association_id, tier):
            (failed if is_failure else configuration).append(sentence)
    traffic = [s for arn, tier in sorted(facts.parts.target_groups.items()) for s in fresh.targets(arn, tier)]
    site = list(fresh.site())
    return Readiness(
        configured=not configuration and not failed,
        serving=not traffic,
        answered=not site,
        waiting_for=(*failed, *configuration, *traffic, *site),
        failed=tuple(failed),
    )


def has_site(facts: Facts) -> bool:
    """Tell whether there is a load balancer through which a time can be saved and read."""
    return "alb" in facts.parts.load_balancers.values() and bool(facts.parts.target_groups)


class _Fresh:
    """The facts that count, and what is missing in them."""

    def __init__(self, facts: Facts, since: datetime | None) -> None:
        self._since = since
        self._associations = {
            row.association_id: row for row in facts.associations if self._counts(row.observed_at)
        }
        self._targets = [row for row in facts.targets if self._counts(row.observed_at)]
        self._instances = [row for row in facts.instances if self._counts(row.observed_at)]
        self._groups = [row for row in facts.groups if self._counts(row.observed_at)]
        self._facts = facts

    def _counts(self, at: datetime | None) -> bool:
        return at is not None and (self._since is None or at >= self._since)

    def _seen(self, source: str) -> bool:
        row = self._facts.sources.get(source)
        return row is not None and self._counts(row.observed_at)

    def association(self, association_id: str, tier: str) -> Iterator[tuple[Sentence, bool]]:
        """Yield what an association lacks, and whether that is a failure."""
        row = self._associations.get(association_id)
        if row is None or (tier and self._has_group(tier) and not self._seen("fleet")):
            yield Sentence(N_("State Manager to be asked about %(name)s"), {"name": association_id}), False
            return
        name = row.name or row.association_id
        runs = {run.instance_id: run for run in row.runs}
        there = [one for one in self._instances if one.tier == tier and _stays(one)] if tier else []
        missing = self._desired(tier) - len(there) if tier else 0
        if missing > 0:
            yield (
                Sentence(
                    N_("%(count)s more instance(s) for %(name)s"), {"count": str(missing), "name": name}
                ),
                False,
            )
        for instance in sorted(there, key=lambda one: one.instance_id):
            run = runs.get(instance.instance_id)
            if run is None or run.status not in words.RUN_SUCCEEDED:
                yield _of_run(name, instance.instance_id, run.status if run else "", _task(row, instance))
        if not there and row.status not in words.RUN_SUCCEEDED and missing <= 0:
            yield (
                Sentence(
                    N_("%(name)s to succeed: State Manager says %(code)s"),
                    {"name": name, "code": row.detailed_status or row.status or "Pending"},
                ),
                row.status in words.RUN_FAILED,
            )

    def _has_group(self, tier: str) -> bool:
        return tier in self._facts.parts.groups.values()

    def _desired(self, tier: str) -> int:
        return sum(group.desired for group in self._groups if group.tier == tier)

    def targets(self, arn: str, tier: str) -> Iterator[Sentence]:
        """Yield what the targets of a group lack."""
        if not self._seen("targets") or (self._has_group(tier) and not self._seen("fleet")):
            yield Sentence(N_("the targets of the %(where)s tier to be asked for"), {"where": tier})
            return
        rows = [row for row in self._targets if row.target_group_arn == arn]
        counted = [row for row in rows if words.of_target(row.state, row.reason).counts]
        for row in sorted(counted, key=lambda one: (one.target_id, one.port)):
            if row.state != "healthy":
                yield _of_target(row)
        missing = self._desired(tier) - len({row.target_id for row in counted})
        if missing > 0:
            values = {"count": str(missing), "where": tier}
            yield Sentence(N_("%(count)s more server(s) to be registered in the %(where)s tier"), values)

    def site(self) -> Iterator[Sentence]:
        """Yield what is missing of a write and a read through the load balancer."""
        if not has_site(self._facts):
            return
        probe = self._facts.probe
        if probe is None or not self._counts(probe.at) or not (probe.wrote and probe.read):
            yield Sentence(N_("datelog to save a time and read it back through the load balancer"))


def _stays(instance: InstanceFact) -> bool:
    return words.of_instance(instance.lifecycle, instance.health).counts


def _task(row: AssociationFact, instance: InstanceFact) -> str:
    return next((run.failed_task for run in row.runs if run.instance_id == instance.instance_id), "")


def _of_run(name: str, instance_id: str, status: str, task: str) -> tuple[Sentence, bool]:
    values = {"name": name, "instance": instance_id, "code": status, "task": task}
    if not status:
        return Sentence(N_("%(name)s to run on %(instance)s"), values), False
    if status not in words.RUN_FAILED:
        return Sentence(N_("%(name)s to succeed on %(instance)s (%(code)s)"), values), False
    if task:
        return Sentence(N_("%(name)s to succeed on %(instance)s: its task “%(task)s” failed"), values), True
    return Sentence(N_("%(name)s to succeed on %(instance)s: it ended as %(code)s"), values), True


def _of_target(row: TargetFact) -> Sentence:
    values = {"where": f"{row.tier} {row.target_id}", "code": row.reason or row.state}
    if words.of_target(row.state, row.reason).word is Word.UNHEALTHY:
        return Sentence(N_("%(where)s to pass its health checks (%(code)s)"), values)
    return Sentence(N_("%(where)s to become healthy (%(code)s)"), values)
