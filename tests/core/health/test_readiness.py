"""Ready means more than CREATE_COMPLETE, and what is waited for is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from deployments.core.health.facts import Facts, ProbeFact
from deployments.core.health.readiness import readiness
from tests.core.health.scenes import NOW, SEEN, association, instance, target, whole, with_target
from tests.wordings import text_of


def said(facts: Facts) -> list[str]:
    return [text_of(sentence) for sentence in readiness(facts).waiting_for]


def test_an_environment_in_which_all_is_done_is_ready() -> None:
    assert readiness(whole()).ready
    assert readiness(whole(), SEEN).ready


def test_an_environment_without_such_parts_is_ready_at_once() -> None:
    assert readiness(Facts()).ready


def test_success_of_state_manager_is_not_ready_while_a_target_is_unhealthy() -> None:
    facts = with_target(whole(), target("web", 1, "unhealthy", "Target.ResponseCodeMismatch"))

    found = readiness(facts)

    assert (found.ready, found.configured, found.serving) == (False, True, False)
    assert said(facts) == [
        "web i-web1 returns an unexpected HTTP status to health checks (Target.ResponseCodeMismatch)."
    ]


def test_an_instance_on_which_the_association_has_not_run_is_waited_for() -> None:
    facts = whole(associations=(association("web", "Success", "Success"), association("app", "Success")))

    assert not readiness(facts).configured
    assert said(facts) == ["configure-app has not run on i-app1 yet."]


def test_a_failed_run_is_waited_for_and_told_as_a_failure() -> None:
    facts = whole(
        associations=(association("web", "Success", "Success"), association("app", "Success", "Failed"))
    )

    found = readiness(facts)

    assert [text_of(s) for s in found.failed] == ["configure-app failed on i-app1 (Failed)."]
    assert not found.configured


def test_a_run_on_an_instance_that_is_gone_is_not_waited_for() -> None:
    facts = whole(
        associations=(
            association("web", "Success", "Success"),
            association("app", "Success", "Success", "Failed"),
        )
    )

    assert readiness(facts).ready


def test_a_server_that_is_leaving_is_not_waited_for() -> None:
    facts = whole()
    facts = replace(
        facts,
        targets=(*facts.targets, target("app", 2, "draining", "Target.DeregistrationInProgress")),
        instances=(*facts.instances, instance("app", 2, "Terminating:Wait")),
    )

    assert readiness(facts).ready


def test_servers_that_are_not_there_yet_are_waited_for() -> None:
    facts = whole()
    one = tuple(i for i in facts.instances if i.instance_id != "i-app1")
    facts = replace(facts, instances=one, targets=tuple(t for t in facts.targets if t.target_id != "i-app1"))

    assert said(facts) == [
        "configure-app is waiting for 1 more instance(s).",
        "Waiting for 1 more server(s) to register in the app tier.",
    ]


def test_facts_from_before_do_not_count() -> None:
    found = readiness(whole(), NOW)

    assert (found.configured, found.serving, found.answered) == (False, False, False)


def test_what_was_not_asked_for_yet_is_waited_for() -> None:
    found = readiness(whole(sources={}, targets=(), instances=(), groups=(), associations=(), probe=None))

    assert (found.configured, found.serving, found.answered) == (False, False, False)


def test_a_site_that_only_wrote_is_not_ready() -> None:
    facts = whole(probe=ProbeFact(at=SEEN, wrote=True, read=False))

    assert said(facts) == ["The site check through the load balancer has not succeeded yet."]
    old = whole(probe=ProbeFact(at=SEEN - timedelta(hours=1), wrote=True, read=True))
    assert not readiness(old, SEEN).answered
