"""Readiness: the conditions beyond CREATE_COMPLETE, and the texts about those that are not met."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.health.rules.observations import LastPoll, Observations, ObservedSiteCheck
from deployments.health.rules.readiness import denied_read, readiness
from tests.health.rules.scenes import (
    FULL_DISK,
    NOW,
    OBSERVED,
    association,
    failed_association,
    healthy_facts,
    instance,
    target,
    with_target,
)
from tests.message_texts import text_of


def waiting_texts(facts: Observations) -> list[str]:
    return [text_of(sentence) for sentence in readiness(facts).waiting_for]


def test_an_environment_that_meets_every_condition_is_ready() -> None:
    assert readiness(healthy_facts()).ready
    assert readiness(healthy_facts(), OBSERVED).ready


def test_an_environment_without_servers_is_ready_at_once() -> None:
    assert readiness(Observations()).ready


def test_an_environment_with_an_unhealthy_target_is_not_ready_though_state_manager_succeeded() -> None:
    facts = with_target(healthy_facts(), target("web", 1, "unhealthy", "Target.ResponseCodeMismatch"))

    found = readiness(facts)

    assert (found.ready, found.configured, found.serving) == (False, True, False)
    assert waiting_texts(facts) == [
        "web i-web1 returns an unexpected HTTP status to health checks (Target.ResponseCodeMismatch)."
    ]


def test_readiness_waits_for_an_instance_on_which_the_association_has_not_run() -> None:
    facts = healthy_facts(
        associations=(association("web", "Success", "Success"), association("app", "Success"))
    )

    assert not readiness(facts).configured
    assert waiting_texts(facts) == ["configure-app has not run on i-app1 yet."]


def test_readiness_waits_for_a_failed_run_and_reports_it() -> None:
    facts = healthy_facts(
        associations=(association("web", "Success", "Success"), association("app", "Success", "Failed"))
    )

    found = readiness(facts)

    assert [text_of(s) for s in found.failed] == ["configure-app failed on i-app1 (Failed)."]
    assert not found.configured


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("Write it", "configure-app failed on i-app1 in the task “Write it”: "),
        ("", "configure-app failed on i-app1 (Failed): "),
    ],
)
def test_readiness_names_the_reason_of_a_failed_run(task: str, expected: str) -> None:
    facts = healthy_facts(associations=(association("web", "Success", "Success"), failed_association(task)))

    assert [text_of(one) for one in readiness(facts).failed] == [f"{expected}{FULL_DISK}"]


def test_readiness_does_not_wait_for_a_run_on_a_terminated_instance() -> None:
    facts = healthy_facts(
        associations=(
            association("web", "Success", "Success"),
            association("app", "Success", "Success", "Failed"),
        )
    )

    assert readiness(facts).ready


def test_readiness_does_not_wait_for_a_terminating_server() -> None:
    facts = healthy_facts()
    facts = replace(
        facts,
        targets=(*facts.targets, target("app", 2, "draining", "Target.DeregistrationInProgress")),
        instances=(*facts.instances, instance("app", 2, "Terminating:Wait")),
    )

    assert readiness(facts).ready


def test_readiness_waits_for_missing_servers() -> None:
    facts = healthy_facts()
    one = tuple(i for i in facts.instances if i.instance_id != "i-app1")
    facts = replace(facts, instances=one, targets=tuple(t for t in facts.targets if t.target_id != "i-app1"))

    assert waiting_texts(facts) == [
        "configure-app is waiting for 1 more instance(s).",
        "Waiting for 1 more server(s) to register in the app tier.",
    ]


def test_facts_from_before_the_deployment_do_not_count() -> None:
    found = readiness(healthy_facts(), NOW)

    assert (found.configured, found.serving, found.answered) == (False, False, False)


def test_readiness_waits_for_sources_that_were_not_polled_yet() -> None:
    found = readiness(
        healthy_facts(sources={}, targets=(), instances=(), groups=(), associations=(), probe=None)
    )

    assert (found.configured, found.serving, found.answered) == (False, False, False)


def test_a_site_check_needs_a_successful_read_after_the_deployment() -> None:
    facts = healthy_facts(probe=ObservedSiteCheck(at=OBSERVED, wrote=True, read=False))

    assert waiting_texts(facts) == ["The site check through the load balancer has not succeeded yet."]
    old = healthy_facts(probe=ObservedSiteCheck(at=OBSERVED - timedelta(hours=1), wrote=True, read=True))
    assert not readiness(old, OBSERVED).answered


@pytest.mark.parametrize(
    ("action", "code", "minutes_ago", "reported"),
    [
        ("ssm:DescribeAssociation", "AccessDeniedException", 0, True),
        ("ssm:DescribeAssociation", "AccessDeniedException", 2, False),
        ("ssm:DescribeAssociation", "ThrottlingException", 0, False),
        ("s3:GetObject", "AccessDenied", 0, False),
    ],
    ids=["denied", "denied before the stacks were complete", "throttled", "only the output is missing"],
)
def test_a_read_that_aws_denies_is_reported_if_the_readiness_depends_on_it(
    action: str, code: str, minutes_ago: int, *, reported: bool
) -> None:
    problem = Message(Code.AWS_DENIED_SHORT, {"action": action, "code": code, "aws": "no"})
    row = LastPoll(
        source="associations",
        attempted_at=NOW - timedelta(minutes=minutes_ago),
        problem_code=code,
        problem=problem,
    )

    found = denied_read(healthy_facts(sources={"associations": row}), NOW - timedelta(minutes=1))

    assert found == (problem if reported else None)
