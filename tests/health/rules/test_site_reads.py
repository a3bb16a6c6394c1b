"""What reads through the load balancer say of the health of an environment, and what they must not say."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from deployments.environments.rules.health_status import SEVERITY, HealthStatus
from deployments.health.rules.components import STALE_AFTER
from deployments.health.rules.observations import Observations, ObservedSiteReads
from deployments.health.rules.rollup import roll_up
from deployments.health.rules.site_reads import STEP, classed, percentile
from tests.health.rules.scenes import NOW, healthy_facts, target, with_target
from tests.message_texts import text_of

FRESH = st.timedeltas(timedelta(0), STALE_AFTER).map(lambda age: NOW - age)
EVERY_FACTS = st.sampled_from(
    [
        healthy_facts(),
        with_target(healthy_facts(), target("app", 1, "unhealthy", "Target.Timeout")),
        healthy_facts(targets=tuple(target(tier, 0, "unhealthy") for tier in ("web", "app"))),
        healthy_facts(clusters=()),
        healthy_facts(being_created=True),
    ]
)


@st.composite
def reads(draw: st.DrawFn, *, failed: st.SearchStrategy[int] | None = None) -> ObservedSiteReads:
    """Recent reads that reached the load balancer."""
    total = draw(st.integers(1, 8))
    failures = min(total, draw(failed if failed is not None else st.integers(0, total)))
    return ObservedSiteReads(at=draw(FRESH), total=total, succeeded=total - failures)


def status(facts: Observations) -> HealthStatus:
    return roll_up(facts, NOW).status


@given(EVERY_FACTS, reads())
def test_reads_that_succeed_never_improve_and_reads_that_fail_never_hide_anything(
    facts: Observations, found: ObservedSiteReads
) -> None:
    with_reads = roll_up(replace(facts, site_reads=found), NOW)

    assert SEVERITY[with_reads.status] >= SEVERITY[status(facts)]
    if found.succeeded == found.total:
        assert with_reads.status is status(facts)


@given(EVERY_FACTS, st.integers(0, 8))
def test_a_site_that_the_portal_cannot_reach_changes_nothing(facts: Observations, total: int) -> None:
    unreached = ObservedSiteReads(at=NOW, total=total, succeeded=0, reached=False)

    health = roll_up(replace(facts, site_reads=unreached), NOW)

    assert health == roll_up(facts, NOW)


@given(reads(failed=st.just(0)), st.timedeltas(timedelta(seconds=1), timedelta(days=9)))
def test_old_reads_say_nothing(found: ObservedSiteReads, more: timedelta) -> None:
    old = ObservedSiteReads(at=NOW - STALE_AFTER - more, total=found.total, succeeded=0)

    assert roll_up(healthy_facts(site_reads=old), NOW) == roll_up(healthy_facts(), NOW)


@given(reads(failed=st.integers(1, 8)))
def test_one_failed_read_degrades_and_only_failed_reads_are_unhealthy(found: ObservedSiteReads) -> None:
    expected = HealthStatus.DEGRADED if found.succeeded else HealthStatus.UNHEALTHY

    assert status(healthy_facts(site_reads=found)) is expected


def test_the_sentence_counts_the_reads() -> None:
    some = roll_up(healthy_facts(site_reads=ObservedSiteReads(at=NOW, total=4, succeeded=3)), NOW)
    none = roll_up(healthy_facts(site_reads=ObservedSiteReads(at=NOW, total=4, succeeded=0)), NOW)

    assert text_of(some.sentence) == "1 of 4 reads of the site failed."
    assert text_of(none.sentence) == "None of 4 reads of the site succeeded."


def test_the_server_that_fails_is_named_before_the_reads_that_fail_because_of_it() -> None:
    facts = with_target(healthy_facts(), target("app", 1, "unhealthy", "Target.Timeout"))

    health = roll_up(replace(facts, site_reads=ObservedSiteReads(at=NOW, total=4, succeeded=2)), NOW)

    assert health.status is HealthStatus.DEGRADED
    assert "…app1" in text_of(health.sentence)


def test_while_an_environment_is_created_failed_reads_are_not_unhealthy() -> None:
    found = ObservedSiteReads(at=NOW, total=4, succeeded=0)

    assert status(healthy_facts(being_created=True, site_reads=found)) is HealthStatus.UNKNOWN


@given(st.lists(st.lists(st.floats(1, 20_000), max_size=40), max_size=4), st.sampled_from([0.5, 0.95, 1]))
def test_a_percentile_of_many_intervals_is_that_of_all_their_reads(
    intervals: list[list[float]], share: float
) -> None:
    durations = sorted(duration for interval in intervals for duration in interval)

    found = percentile([classed(interval) for interval in intervals], share)

    if not durations:
        assert found is None
        return
    exact = durations[math.ceil(share * len(durations)) - 1]
    assert found is not None
    assert exact / STEP <= found <= exact * STEP


def test_the_durations_of_an_interval_are_counted_on() -> None:
    assert classed([100, 101, 0.2], classed([100])) == {"48": 3, "0": 1}
