"""The health of an environment: its status, the tiers and components behind it, and the reason."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.observed_resources import ObservedResources
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.rules.health_status import SEVERITY, HealthStatus
from deployments.health.rules import aws_statuses
from deployments.health.rules.components import STALE_AFTER
from deployments.health.rules.observations import Observations, ObservedGroup, ObservedTarget
from deployments.health.rules.rollup import Health, Tier, roll_up
from tests.health.rules.scenes import (
    FULL_DISK,
    NOW,
    OBSERVED,
    association,
    cluster,
    failed_association,
    healthy_facts,
    instance,
    load_balancer,
    member,
    observed_sources,
    target,
    with_target,
)
from tests.message_texts import text_of


def tier(health: Health, name: str) -> Tier:
    return next(one for one in health.tiers if one.name == name)


def test_an_environment_without_problems_is_healthy_and_has_no_sentence() -> None:
    health = roll_up(healthy_facts(), NOW)

    assert (health.status, health.sentence) == (HealthStatus.HEALTHY, None)
    assert [one.name for one in health.tiers] == ["alb", "web", "nlb", "app", "database"]
    assert {(one.healthy, one.total) for one in health.tiers} == {(1, 1), (2, 2)}


def test_one_unhealthy_app_server_degrades_its_tier_and_no_other() -> None:
    facts = with_target(healthy_facts(), target("app", 1, "unhealthy", "Target.FailedHealthChecks"))

    health = roll_up(facts, NOW)

    assert health.status is HealthStatus.DEGRADED
    assert text_of(health.sentence) == "1 of 2 app servers fails its health check (…app1)."
    assert (tier(health, "app").assessment.status, tier(health, "web").assessment.status) == (
        HealthStatus.DEGRADED,
        HealthStatus.HEALTHY,
    )
    assert (tier(health, "app").healthy, tier(health, "app").total) == (1, 2)


def test_a_tier_without_a_healthy_server_makes_the_environment_unhealthy() -> None:
    facts = healthy_facts(
        targets=tuple(target("web", n, "unhealthy", "Target.ResponseCodeMismatch") for n in (0, 1))
    )

    assert roll_up(facts, NOW).status is HealthStatus.UNHEALTHY


def test_a_terminating_server_is_a_component_but_not_counted() -> None:
    facts = healthy_facts()
    facts = replace(
        facts,
        targets=(*facts.targets, target("app", 2, "draining", "Target.DeregistrationInProgress")),
        instances=(*facts.instances, instance("app", 2, "Terminating")),
    )

    app = tier(roll_up(facts, NOW), "app")

    assert (app.assessment.status, app.healthy, app.total, len(app.components)) == (
        HealthStatus.HEALTHY,
        2,
        2,
        3,
    )


def test_a_missing_server_degrades_its_tier() -> None:
    facts = healthy_facts()
    facts = replace(
        facts,
        targets=tuple(t for t in facts.targets if t.target_id != "i-app1"),
        instances=tuple(i for i in facts.instances if i.instance_id != "i-app1"),
    )

    app = tier(roll_up(facts, NOW), "app")

    assert (app.assessment.status, app.healthy, app.total) == (HealthStatus.DEGRADED, 1, 2)
    assert text_of(app.assessment.sentence) == "app has 1 of 2 servers."


def test_a_failed_configuration_degrades_a_server_with_a_healthy_target() -> None:
    facts = healthy_facts(
        associations=(association("web", "Success", "Success"), association("app", "Success", "Failed"))
    )

    health = roll_up(facts, NOW)

    assert health.status is HealthStatus.DEGRADED
    assert text_of(health.sentence) == "Configuration of app i-app1 failed: configure-app ended with Failed."


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("Write it", "Configuration of app i-app1 failed in the task “Write it” of configure-app: "),
        ("", "Configuration of app i-app1 failed: configure-app ended with Failed: "),
    ],
)
def test_a_failed_configuration_names_its_reason(task: str, expected: str) -> None:
    facts = healthy_facts(associations=(association("web", "Success", "Success"), failed_association(task)))

    assert text_of(roll_up(facts, NOW).sentence) == f"{expected}{FULL_DISK}"


def test_a_stopped_reader_degrades_the_database_and_a_stopped_writer_makes_it_unhealthy() -> None:
    reader_away = healthy_facts(clusters=(cluster(member(0, writer=True), member(1, status="stopped")),))
    writer_away = healthy_facts(clusters=(cluster(member(0, writer=True, status="stopped"), member(1)),))
    no_writer = healthy_facts(clusters=(cluster(member(0), member(1)),))
    fails_over = healthy_facts(clusters=(cluster(member(0, writer=True), member(1), status="failing-over"),))
    assert [tier(roll_up(fails_over, NOW), "database").healthy, roll_up(fails_over, NOW).status] == [
        1,
        HealthStatus.DEGRADED,
    ]

    assert roll_up(reader_away, NOW).status is HealthStatus.DEGRADED
    assert roll_up(writer_away, NOW).status is HealthStatus.UNHEALTHY
    assert text_of(roll_up(no_writer, NOW).sentence) == "cluster has no writer."


def test_stale_facts_make_only_the_tiers_that_depend_on_them_unknown() -> None:
    old = NOW - STALE_AFTER - timedelta(seconds=1)
    facts = healthy_facts()
    facts = replace(facts, targets=tuple(replace(t, observed_at=old) for t in facts.targets))

    health = roll_up(facts, NOW)

    assert health.status is HealthStatus.UNKNOWN
    assert tier(health, "database").assessment.status is HealthStatus.HEALTHY
    assert "is out of date" in text_of(tier(health, "web").assessment.sentence)


def test_facts_are_valid_up_to_the_age_limit() -> None:
    facts = healthy_facts()
    facts = replace(facts, targets=tuple(replace(t, observed_at=NOW - STALE_AFTER) for t in facts.targets))

    assert roll_up(facts, NOW).status is HealthStatus.HEALTHY


def test_an_environment_that_was_never_observed_is_unknown() -> None:
    facts = Observations(parts=healthy_facts().parts)

    health = roll_up(facts, NOW)

    assert health.status is HealthStatus.UNKNOWN
    assert {one.assessment.status for one in health.tiers} == {HealthStatus.UNKNOWN}


def test_a_tier_observed_without_servers_is_unhealthy() -> None:
    facts = healthy_facts(
        targets=(),
        instances=(),
        groups=(ObservedGroup(tier="app", name="app-group", desired=0, observed_at=OBSERVED),),
    )

    assert text_of(tier(roll_up(facts, NOW), "app").assessment.sentence) == "app has no servers."


def test_an_environment_without_servers_is_unknown_with_a_sentence() -> None:
    health = roll_up(Observations(), NOW)

    assert (health.status, health.tiers) == (HealthStatus.UNKNOWN, ())
    assert "no servers" in text_of(health.sentence)


def test_a_tier_that_has_nothing_yet_is_not_unhealthy_while_the_environment_is_created() -> None:
    none: dict[str, Any] = {"targets": (), "instances": (), "groups": (), "clusters": (cluster(),)}
    created, health = (roll_up(healthy_facts(**none, being_created=on), NOW) for on in (False, True))
    missing = {"web", "app", "database"}

    assert {
        tier.name for tier in created.tiers if tier.assessment.status is HealthStatus.UNHEALTHY
    } >= missing
    unknown = {tier.name: tier.assessment for tier in health.tiers if tier.name in missing}
    assert {one.status for one in unknown.values()} == {HealthStatus.UNKNOWN}
    assert {str(one.sentence) for one in unknown.values()} == {str(health.sentence)}


def test_an_environment_that_is_being_created_is_not_unhealthy() -> None:
    facts = healthy_facts(targets=(), instances=(), being_created=True, load_balancers=())

    assert roll_up(facts, NOW).status is HealthStatus.UNKNOWN
    assert roll_up(healthy_facts(being_created=True), NOW).status is HealthStatus.HEALTHY


def test_the_sentence_for_an_environment_without_a_stack_names_the_reason() -> None:
    gone = roll_up(healthy_facts(absent=Message(Code.SANDBOX_RESTARTED)), NOW)
    begun = roll_up(Observations(being_created=True), NOW)

    assert (gone.status, gone.tiers) == (HealthStatus.UNKNOWN, ())
    assert text_of(gone.sentence).startswith("The sandbox was restarted")
    assert text_of(begun.sentence) == "It is being created."


def test_an_unknown_status_is_reported_as_aws_reports_it() -> None:
    health = roll_up(with_target(healthy_facts(), target("app", 1, "meditating")), NOW)

    node = next(n for n in tier(health, "app").components if n.key == "i-app1")
    assert (node.assessment.status, text_of(node.assessment.sentence)) == (
        HealthStatus.UNKNOWN,
        "app i-app1: AWS reports meditating.",
    )


def test_an_impaired_load_balancer_degrades_and_a_failed_one_is_named() -> None:
    impaired = healthy_facts(load_balancers=(load_balancer("alb", "active_impaired"), load_balancer("nlb")))
    failed = healthy_facts(
        load_balancers=(load_balancer("alb"), load_balancer("nlb", "failed", reason="no addresses"))
    )

    assert roll_up(impaired, NOW).status is HealthStatus.DEGRADED
    assert text_of(roll_up(failed, NOW).sentence) == "NLB could not be provisioned (no addresses)."


# --- properties --------------------------------------------------------------------------------------
STATES = st.sampled_from([*aws_statuses.TARGET_STATES, "something new"])
REASONS = st.sampled_from(["", *aws_statuses.TARGET_REASONS, "Something.New"])
AGES = st.sampled_from([0, 10, 299, 301, 4000])


@st.composite
def targets(draw: st.DrawFn) -> ObservedTarget:
    at = NOW - timedelta(seconds=draw(AGES))
    return target(
        draw(st.sampled_from(["web", "app"])),
        draw(st.integers(0, 3)),
        draw(STATES),
        draw(REASONS),
        observed_at=at,
    )


@st.composite
def some_facts(draw: st.DrawFn) -> Observations:
    members = [
        member(
            number, writer=draw(st.booleans()), status=draw(st.sampled_from([*aws_statuses.DATABASES, "new"]))
        )
        for number in range(draw(st.integers(0, 3)))
    ]
    return Observations(
        parts=draw(st.sampled_from([ObservedResources(), healthy_facts().parts])),
        sources=draw(st.sampled_from([{}, observed_sources(), observed_sources(NOW - timedelta(hours=1))])),
        load_balancers=tuple(
            load_balancer(name, draw(st.sampled_from([*aws_statuses.LOAD_BALANCERS, "new"])))
            for name in draw(st.sets(st.sampled_from(["alb", "nlb"])))
        ),
        targets=tuple(draw(st.lists(targets(), max_size=6))),
        instances=tuple(
            instance(draw(st.sampled_from(["web", "app"])), draw(st.integers(0, 3)), lifecycle)
            for lifecycle in draw(st.lists(st.sampled_from([*aws_statuses.LIFECYCLES, "New"]), max_size=4))
        ),
        associations=tuple(
            association(
                "app", *draw(st.lists(st.sampled_from(["Success", "Failed", "Pending", "Odd"]), max_size=3))
            )
            for _ in range(draw(st.integers(0, 1)))
        ),
        clusters=(cluster(*members),) if draw(st.booleans()) else (),
        being_created=draw(st.booleans()),
    )


@given(some_facts())
def test_every_status_that_is_not_healthy_has_a_sentence(facts: Observations) -> None:
    health = roll_up(facts, NOW)

    for one in health.tiers:
        assert 0 <= one.healthy <= one.total
        assert one.assessment.status is HealthStatus.HEALTHY or one.assessment.sentence
        has_problem = one.assessment.status in (HealthStatus.DEGRADED, HealthStatus.UNHEALTHY)
        assert not has_problem or one.healthy < one.total or one.total == 0, "as many healthy as there are"
        assert all(
            node.assessment.status is HealthStatus.HEALTHY or node.assessment.sentence
            for node in one.components
        )
    assert health.status is HealthStatus.HEALTHY or text_of(health.sentence)


@given(some_facts(), st.sampled_from(["web", "app"]))
def test_another_unhealthy_target_never_improves_health(facts: Observations, name: str) -> None:
    before = roll_up(facts, NOW)
    more = target(name, 9, "unhealthy", "Target.Timeout")

    after = roll_up(replace(facts, targets=(*facts.targets, more)), NOW)

    assert not facts.being_created or after.status is HealthStatus.UNKNOWN
    if not facts.being_created and before.tiers:
        assert SEVERITY[after.status] >= SEVERITY[before.status]
    for old in before.tiers:
        assert SEVERITY[tier(after, old.name).assessment.status] >= SEVERITY[old.assessment.status]


@given(some_facts(), st.randoms())
def test_the_order_of_the_facts_does_not_matter(facts: Observations, chance: random.Random) -> None:
    unique = {(t.tier, t.target_id): t for t in facts.targets}
    facts = replace(facts, targets=tuple(unique.values()), instances=())
    shuffled = list(facts.targets)
    chance.shuffle(shuffled)

    assert roll_up(replace(facts, targets=tuple(shuffled)), NOW) == roll_up(facts, NOW)


@given(some_facts())
def test_servers_are_unknown_when_all_facts_are_stale(facts: Observations) -> None:
    health = roll_up(facts, NOW + timedelta(days=1))

    for one in health.tiers:
        if not any(node.facts.get("association") == "Failed" for node in one.components):
            assert one.assessment.status is HealthStatus.UNKNOWN
