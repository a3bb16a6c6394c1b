"""Continuous reads through the load balancers of environments: the visitors' result and response time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from statistics import fmean
from time import monotonic
from typing import Any

from deployments.aws.site import SiteReadsResult, check_reads
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.observers import OBSERVED
from deployments.environments.rules.phases import ADOPT_DRIFT, DELETING
from deployments.health.models.site import SiteReads
from deployments.health.rules.served_versions import VersionPoll, with_poll
from deployments.health.rules.site_reads import classed
from deployments.health.steps.observe import site_paths
from deployments.health.steps.observe.poll_round import ROUND_SECONDS, ObservedEnvironment, PollRound
from deployments.health.steps.site_check import site_of_environment
from deployments.template_sets.models import stored_sets

INTERVAL = timedelta(minutes=5)
"""Reads are counted in one row per interval."""


class SiteReadsPoller:
    """The source `site`: reads through all load balancers at the same time, without calls to an AWS API."""

    source = "site"

    def __init__(self) -> None:
        self._results: dict[int, SiteReadsResult] = {}

    def poll_many(self, polls: PollRound, observed: Sequence[ObservedEnvironment]) -> None:
        """Read through the load balancers that serve visitors."""
        sites = {
            one.environment.pk: site_of_environment(one.environment, one.redact)
            for one in observed
            if _serves_visitors(one)
        }
        if not sites:
            return
        with ThreadPoolExecutor(OBSERVED[self.source].batch_size, thread_name_prefix="site-reads") as threads:
            self._results = dict(zip(sites, threads.map(check_reads, sites.values()), strict=True))
        polls.until = monotonic() + ROUND_SECONDS  # a site that hangs must not use up the time of the others

    def poll_one(self, polls: PollRound, one: ObservedEnvironment) -> None:
        """Count the reads of an environment. After a failure, read again soon."""
        result = self._results.get(one.environment.pk)
        if result is None:
            return
        one.saw = True
        one.fast |= result.reached and len(result.milliseconds) < result.total
        one.changed |= _count(polls, one, result)


def _serves_visitors(one: ObservedEnvironment) -> bool:
    """Return whether there is a site to read; during the creation, the site check covers it."""
    active = one.environment.active_deployment
    if active is not None and (active.creates or active.kind in DELETING):
        return False
    has_balancer = "alb" in one.parts.load_balancers.values() and bool(one.parts.target_groups)
    return has_balancer and one.environment.account.has_servers


def _count(polls: PollRound, one: ObservedEnvironment, result: SiteReadsResult) -> bool:
    """Add the reads to the row of their interval; return whether they differ from those before."""
    now = polls.now
    before = SiteReads.objects.newest_of(one.environment).first()
    start = datetime.fromtimestamp(
        now.timestamp() // INTERVAL.total_seconds() * INTERVAL.total_seconds(), now.tzinfo
    )
    known = (before.missing_path, before.path_read_at) if before else (None, None)
    row = before if before and before.start == start else SiteReads(environment=one.environment, start=start)
    failed = result.total - len(result.milliseconds)
    changed = before is None or (before.latest_failed, before.reached) != (failed, result.reached)
    if result.reached:
        row.reads += result.total
        row.failed += failed
        row.milliseconds += sum(result.milliseconds)
        row.slowest = max(row.slowest, *result.milliseconds, 0.0)
        row.durations = classed(result.milliseconds, row.durations)
    row.versions = _versions(one, before, result, now)
    row.latest_at = now
    row.latest_reads = result.total
    row.latest_failed = failed
    row.latest_milliseconds = fmean(result.milliseconds) if result.milliseconds else None
    row.reached = result.reached
    row.problem = result.problem.as_json() if result.problem else {}
    found = site_paths.find_missing(polls, one, known) if failed else (None, None)
    row.missing_path, row.path_read_at = found
    row.save()
    return changed or found[0] != known[0]


def _versions(
    one: ObservedEnvironment, before: SiteReads | None, result: SiteReadsResult, now: datetime
) -> list[dict[str, Any]]:
    """Return what the latest polls reported; a poll without a successful read reported nothing."""
    polls = before.polls if before else ()
    if result.versions:
        poll = VersionPoll(at=now, configured=_configured(one.environment), versions=Counter(result.versions))
        polls = with_poll(polls, poll)
    return [poll.to_json() for poll in polls]


def _configured(environment: Environment) -> str:
    """Return the version with which Sanso last had the servers configured.

    "" if it is not known, as after a change outside of Sanso: what is taken over may have other artifacts.
    """
    good = Deployment.objects.good_of(environment.pk)
    latest = good.first()
    if latest is None or environment.changed_outside_at:
        return ""
    if latest.operation == ADOPT_DRIFT:
        deployed = good.exclude(operation=ADOPT_DRIFT).first()
        if deployed is None or deployed.artifact_prefix != latest.artifact_prefix:
            return ""
    return stored_sets.code_version(latest.template_digest)
