"""Outages: a load balancer without a healthy target, and the sentence about the cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.environments.rules.health_status import HealthStatus
from deployments.health.rules import aws_statuses
from deployments.health.rules.components import STALE_AFTER
from deployments.health.rules.observations import (
    DepartedInstance,
    Observations,
    ObservedGroup,
    ObservedTarget,
)
from deployments.health.rules.rollup import Health, Tier, roll_up
from tests.health.rules.scenes import (
    NOW,
    OBSERVED,
    association,
    cluster,
    healthy_facts,
    instance,
    member,
    target,
)
from tests.message_texts import text_of


def tier(health: Health, name: str) -> Tier:
    return next(one for one in health.tiers if one.name == name)


def with_web(*targets: ObservedTarget, **changes: Any) -> Observations:
    facts = healthy_facts()
    others = tuple(one for one in facts.targets if one.tier != "web")
    return replace(facts, targets=(*others, *targets), **changes)


def test_two_unhealthy_web_servers_are_an_outage_of_the_load_balancer_too() -> None:
    health = roll_up(
        with_web(*(target("web", number, "unhealthy", "Target.ResponseCodeMismatch") for number in (0, 1))),
        NOW,
    )

    expected = (
        "No web server is in service: health checks fail on i-web0, i-web1 (Target.ResponseCodeMismatch)."
    )
    assert (health.status, text_of(health.sentence)) == (HealthStatus.UNHEALTHY, expected)
    assert tier(health, "web").assessment.status is HealthStatus.UNHEALTHY
    alb = tier(health, "alb")
    assert (alb.assessment.status, alb.healthy, alb.total) == (HealthStatus.UNHEALTHY, 0, 1)
    assert text_of(alb.assessment.sentence) == "No web server is in service."
    assert tier(health, "nlb").assessment.status is HealthStatus.HEALTHY


def test_servers_that_are_being_replaced_are_named_with_their_replacements() -> None:
    facts = with_web(target("web", 2, "initial", "Elb.InitialHealthChecking"))
    web = (instance("web", 0, "Terminating"), instance("web", 2))
    others = tuple(one for one in facts.instances if one.tier != "web")
    health = roll_up(replace(facts, instances=(*others, *web)), NOW)

    assert health.status is HealthStatus.UNHEALTHY
    assert text_of(health.sentence) == (
        "No web server is in service; State Manager is configuring i-web2 in place of i-web0."
    )


@pytest.mark.parametrize(
    ("lifecycle", "run", "expected"),
    [
        ("Pending", (), "Auto Scaling is starting i-web0."),
        ("InService", ("InProgress",), "State Manager is configuring i-web0."),
        ("InService", ("Success",), "the load balancer is running its first checks of i-web0."),
    ],
)
def test_the_sentence_names_what_a_new_server_waits_for(
    lifecycle: str, run: tuple[str, ...], expected: str
) -> None:
    facts = with_web(
        target("web", 0, "initial", "Elb.InitialHealthChecking"),
        instances=(instance("web", 0, lifecycle), instance("app", 0), instance("app", 1)),
        associations=(association("web", *run), association("app", "Success", "Success")),
    )

    assert text_of(roll_up(facts, NOW).sentence) == f"No web server is in service; {expected}"


def test_a_terminated_server_is_named_while_its_replacement_is_set_up() -> None:
    came = OBSERVED - timedelta(minutes=3)
    facts = with_web(
        instances=(instance("web", 2, "Pending", first_seen_at=came), instance("app", 0), instance("app", 1)),
        departed=(
            DepartedInstance(tier="web", instance_id="i-web1", gone_at=came - timedelta(minutes=1)),
            DepartedInstance(tier="web", instance_id="i-older", gone_at=came - timedelta(minutes=40)),
            DepartedInstance(tier="app", instance_id="i-app9", gone_at=came),
        ),
    )

    assert text_of(roll_up(facts, NOW).sentence) == (
        "No web server is in service; Auto Scaling is starting i-web2 in place of i-web1."
    )


def test_the_only_server_that_is_replaced_serves_until_it_has_left() -> None:
    """The group terminates it, and the load balancer has not deregistered it yet."""
    facts = healthy_facts()
    servers = (instance("web", 0, "Terminating"), instance("web", 2, "Pending"))
    others = tuple(one for one in facts.instances if one.tier != "web")
    health = roll_up(
        with_web(
            target("web", 0), target("web", 2, "initial", "Elb.RegistrationInProgress"),
            instances=(*others, *servers),
            groups=(ObservedGroup(tier="web", name="web-group", desired=1, observed_at=OBSERVED),),
        ),
        NOW,
    )  # fmt: skip

    assert (health.status, tier(health, "web").healthy) == (HealthStatus.DEGRADED, 0)
    assert text_of(health.sentence) == (
        "The web servers are being replaced: i-web2 is not in service yet; i-web0 serves until it has left."
    )
    assert [one.transition for one in tier(health, "web").components] == ["leaving", "starting"]


def test_the_only_server_without_a_load_balancer_is_missed_until_its_replacement_is_in_service() -> None:
    facts = replace(
        healthy_facts(),
        parts=replace(healthy_facts().parts, target_groups={}, load_balancers={}),
        targets=(),
        load_balancers=(),
        instances=(instance("web", 0, "Terminating"), instance("web", 2, "Pending"), instance("app", 0)),
    )
    found = tier(roll_up(facts, NOW), "web").assessment

    assert found.status is HealthStatus.UNHEALTHY
    assert text_of(found.sentence) == (
        "No web server is in service; Auto Scaling is starting i-web2 in place of i-web0."
    )
    stale = tuple(replace(one, observed_at=NOW - timedelta(minutes=9)) for one in facts.instances)
    assert (
        tier(roll_up(replace(facts, instances=stale), NOW), "web").assessment.status is HealthStatus.UNKNOWN
    )


def test_a_reader_that_is_being_created_is_starting_and_its_cluster_degraded() -> None:
    facts = healthy_facts(clusters=(cluster(member(0, writer=True), member(1, status="creating")),))
    database = tier(roll_up(facts, NOW), "database")

    assert (database.assessment.status, database.healthy, database.total) == (HealthStatus.DEGRADED, 1, 2)
    assert [one.transition for one in database.components] == [None, "starting"]


def test_a_database_without_a_writer_is_named_before_the_unhealthy_servers() -> None:
    facts = with_web(
        *(target("web", number, "unhealthy", "Target.ResponseCodeMismatch") for number in (0, 1)),
        clusters=(cluster(member(0), member(1)),),
    )

    assert text_of(roll_up(facts, NOW).sentence) == "cluster has no writer."


def test_a_tier_with_a_healthy_or_unchecked_target_is_no_outage() -> None:
    serving = with_web(target("web", 0), target("web", 1, "unhealthy", "Target.Timeout"))
    unchecked = with_web(target("web", 0, "unavailable", "Target.HealthCheckDisabled"))

    assert roll_up(serving, NOW).status is HealthStatus.DEGRADED
    assert tier(roll_up(serving, NOW), "alb").assessment.status is HealthStatus.HEALTHY
    assert roll_up(unchecked, NOW).status is not HealthStatus.UNHEALTHY


OUT = st.sampled_from(sorted(s for s in aws_statuses.TARGET_STATES if aws_statuses.is_out_of_service(s)))


@given(st.lists(OUT, max_size=4), st.sampled_from(["InService", "Pending", "Terminating"]), st.booleans())
def test_a_tier_without_a_healthy_target_is_unhealthy_whatever_is_starting(
    states: list[str], lifecycle: str, known: bool
) -> None:
    targets = [target("web", number, state) for number, state in enumerate(states)]
    servers = (instance("web", 0, lifecycle),) if known else ()
    facts = with_web(*targets, instances=(*servers, instance("app", 0), instance("app", 1)))

    health = roll_up(facts, NOW)

    assert health.status is HealthStatus.UNHEALTHY
    assert {tier(health, name).assessment.status for name in ("web", "alb")} == {HealthStatus.UNHEALTHY}
    assert text_of(health.sentence).startswith(("No web server is in service", "web has no servers."))


@given(st.lists(OUT, min_size=1, max_size=4))
def test_neither_stale_facts_nor_a_creation_are_an_outage(states: list[str]) -> None:
    old = NOW - STALE_AFTER - timedelta(seconds=1)
    targets = [target("web", number, state, observed_at=old) for number, state in enumerate(states)]
    assert tier(roll_up(with_web(*targets), NOW), "alb").assessment.status is HealthStatus.HEALTHY

    fresh = [replace(one, observed_at=OBSERVED) for one in targets]
    assert roll_up(with_web(*fresh, being_created=True), NOW).status is HealthStatus.UNKNOWN
